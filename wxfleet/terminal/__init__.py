"""What commands share: options, who acts, output and errors, and the sheets and files that they write."""
