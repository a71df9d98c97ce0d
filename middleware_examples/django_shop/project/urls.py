"""The shop and its admin."""

from django.contrib import admin
from django.urls import path
from shop import views

urlpatterns = [path("", views.home), path("buy", views.buy), path("admin/", admin.site.urls)]
