"""The operator's console in a real Chromium, over the real service and a scripted site."""
