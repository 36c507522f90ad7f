#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Sends a file to whoever connects first.

usage: offer.py ADDRESS PORT FILE
"""
import socket
import sys

address, port, path = sys.argv[1:]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.create_server((address, int(port)), family=family) as server:
    connection, _ = server.accept()
    with connection, open(path, "rb") as file:
        connection.sendfile(file)
