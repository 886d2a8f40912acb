"""Who speaks: accounts, gateways, runners, the courier."""
