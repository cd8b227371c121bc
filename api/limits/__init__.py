"""What one client may ask for, and the headers that keep browsers from more."""
