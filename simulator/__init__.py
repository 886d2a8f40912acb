"""A WeChat world to talk to: gateways with people behind them."""
