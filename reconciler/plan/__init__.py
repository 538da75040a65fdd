"""Desired and observed become a plan: pure functions over plain data, no clock, no files, no cryptography.

What a certificate issued today would hold takes profiles and certificates: that knowledge is handed in as `Templates`.
"""
