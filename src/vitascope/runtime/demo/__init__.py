"""`vitascope demo`: the main job on a real film, done through the platform's own doors."""
