"""One request, its candidates: what is sent, and what each answer or failure means."""
