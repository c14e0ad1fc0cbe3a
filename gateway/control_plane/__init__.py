"""The control plane: the API over what the gateway recorded, for people and machines that hold a token."""
