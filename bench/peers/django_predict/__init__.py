"""A Django project as tutorials make it: the model in a global, `model.predict` in the view."""
