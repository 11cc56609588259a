// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

uint256 constant P = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F;
uint256 constant GX = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798;
uint256 constant GY = 0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8;

/// Public key of a secret on secp256k1, 64 bytes: the runner has addresses of secrets only. Jacobian double-and-add, for tests.
function publicKeyOf(uint256 secret) view returns (bytes memory) {
    uint256 x = 0;
    uint256 y = 0;
    uint256 z = 0; // infinity
    for (uint256 bit = 256; bit > 0; --bit) {
        if (z != 0) (x, y, z) = double(x, y, z);
        if ((secret >> (bit - 1)) & 1 == 0) continue;
        if (z == 0) (x, y, z) = (GX, GY, 1);
        else (x, y, z) = addGenerator(x, y, z);
    }
    uint256 w = inverse(z);
    uint256 w2 = mulmod(w, w, P);
    return abi.encodePacked(mulmod(x, w2, P), mulmod(y, mulmod(w2, w, P), P));
}

function double(uint256 x, uint256 y, uint256 z) pure returns (uint256, uint256, uint256) {
    uint256 yy = mulmod(y, y, P);
    uint256 s = mulmod(4, mulmod(x, yy, P), P);
    uint256 m = mulmod(3, mulmod(x, x, P), P); // a = 0 on this curve
    uint256 x2 = addmod(mulmod(m, m, P), P - mulmod(2, s, P), P);
    uint256 y2 = addmod(mulmod(m, addmod(s, P - x2, P), P), P - mulmod(8, mulmod(yy, yy, P), P), P);
    return (x2, y2, mulmod(2, mulmod(y, z, P), P));
}

function addGenerator(uint256 x, uint256 y, uint256 z) pure returns (uint256, uint256, uint256) {
    uint256 zz = mulmod(z, z, P);
    uint256 h = addmod(mulmod(GX, zz, P), P - x, P);
    uint256 r = addmod(mulmod(GY, mulmod(zz, z, P), P), P - y, P);
    uint256 hh = mulmod(h, h, P);
    uint256 hhh = mulmod(h, hh, P);
    uint256 v = mulmod(x, hh, P);
    uint256 x2 = addmod(addmod(mulmod(r, r, P), P - hhh, P), P - mulmod(2, v, P), P);
    uint256 y2 = addmod(mulmod(r, addmod(v, P - x2, P), P), P - mulmod(y, hhh, P), P);
    return (x2, y2, mulmod(h, z, P));
}

/// By Fermat, with the precompiled modular exponentiation.
function inverse(uint256 value) view returns (uint256) {
    (bool ok, bytes memory out) = address(5).staticcall(abi.encode(32, 32, 32, value, P - 2, P));
    require(ok, "modexp");
    return abi.decode(out, (uint256));
}
