"""Orders in the admin."""

from django.contrib import admin
from shop.models import Order


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    """Newest first."""

    list_display = ("number", "value", "placed")
    ordering = ("-placed",)
