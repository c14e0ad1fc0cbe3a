"""Translation between API shapes, pair by pair: request, response, error and stream."""
