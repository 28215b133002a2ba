"""Base and tuned behind an endpoint that clients of OpenAI's interface can ask."""
