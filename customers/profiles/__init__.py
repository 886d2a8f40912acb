"""What is known of a customer (客户画像): fields, tags, notes, whom they like; and the page that shows it."""
