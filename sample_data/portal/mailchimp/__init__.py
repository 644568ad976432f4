"""The server that plays Mailchimp."""
