"""Questions: posterior draws in, labelled draws out. Import the modules; this file loads none of them."""
