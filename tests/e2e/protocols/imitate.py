#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A low-interaction honeypot: knows a greeting, and a few answers by how requests begin.

usage: imitate.py PORT GREETING [REQUEST=ANSWER]...

Texts are Python's, with \\n \\r \\xNN. The first REQUEST that what came begins with counts; an empty
one matches everything.
"""
import ast
import asyncio
import sys


def text(word):
    return ast.literal_eval('b"' + word.replace('"', '\\"') + '"')


async def main(port, greeting, *pairs):
    answers = [tuple(text(half) for half in pair.split("=", 1)) for pair in pairs]

    async def serve(reader, writer):
        try:
            writer.write(text(greeting))
            while request := await reader.read(65536):
                writer.write(next((answer for start, answer in answers
                                   if request.startswith(start)), b""))
                await writer.drain()
            writer.close()
        except ConnectionError:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "0.0.0.0", int(port))
    await server.serve_forever()


if len(sys.argv) < 3:
    sys.exit(__doc__)
asyncio.run(main(*sys.argv[1:]))
