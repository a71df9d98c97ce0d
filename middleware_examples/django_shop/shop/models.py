"""What the shop keeps."""

from django.db import models


class Order(models.Model):
    """A purchase."""

    number = models.CharField(max_length=20, unique=True)
    email = models.EmailField()
    value = models.DecimalField(max_digits=8, decimal_places=2)
    placed = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return self.number
