"""The HTTP clients that are caught, each behind one function: `client(method, url, body) -> (status, body)`."""

from __future__ import annotations

import asyncio
import io
import urllib.request

import aiohttp
import httpx
import requests
import urllib3


def with_httpx(method, url, body=None, headers=None):
    """httpx.Client, redirects followed."""
    with httpx.Client(trust_env=False, verify=False, follow_redirects=True) as http:
        answer = http.request(method, url, content=body, headers=headers)
        return answer.status_code, answer.content


async def httpx_async(method, url, body=None, headers=None):
    """httpx.AsyncClient."""
    async with httpx.AsyncClient(trust_env=False, verify=False, follow_redirects=True) as http:
        answer = await http.request(method, url, content=body, headers=headers)
        return answer.status_code, answer.content


def with_httpx_async(method, url, body=None, headers=None):
    """The same, in a loop of its own."""
    return asyncio.run(httpx_async(method, url, body, headers))


def with_requests(method, url, body=None, headers=None):
    """requests.Session."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(method, url, data=body, headers=headers)
        return answer.status_code, answer.content


def with_urllib3(method, url, body=None, headers=None):
    """urllib3.PoolManager."""
    with urllib3.PoolManager() as pool:
        answer = pool.request(method, url, body=body, headers=headers)
        return answer.status, answer.data


async def aiohttp_async(method, url, body=None, headers=None):
    """aiohttp.ClientSession."""
    data = None if body is None else io.BytesIO(body)
    async with aiohttp.ClientSession() as session, session.request(method, url, data=data, headers=headers) as answer:
        return answer.status, await answer.read()


def with_aiohttp(method, url, body=None, headers=None):
    """The same, in a loop of its own."""
    return asyncio.run(aiohttp_async(method, url, body, headers))


def with_urllib(method, url, body=None, headers=None):
    """urllib.request."""
    request = urllib.request.Request(url, body, headers or {}, method=method)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        return answer.status, answer.read()


CLIENTS = {
    "httpx": with_httpx,
    "httpx-async": with_httpx_async,
    "requests": with_requests,
    "urllib3": with_urllib3,
    "aiohttp": with_aiohttp,
    "urllib": with_urllib,
}
