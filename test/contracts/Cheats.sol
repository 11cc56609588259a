// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// What the test runner's cheat contract offers, as far as these tests use it.
interface Cheats {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function addr(uint256 secret) external pure returns (address);
    function sign(uint256 secret, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function warp(uint256 moment) external;
    function chainId(uint256 id) external;
    function prank(address caller) external;
    function assume(bool condition) external pure;
    function expectRevert() external;
    function expectRevert(bytes calldata data) external;
    function expectRevert(bytes4 selector) external;
    function expectEmit(bool one, bool two, bool three, bool data, address emitter) external;
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
    function readFile(string calldata path) external view returns (string memory);
    function parseJsonAddress(string calldata json, string calldata key) external pure returns (address);
    function parseJsonBytes32(string calldata json, string calldata key) external pure returns (bytes32);
    function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
    function parseJsonString(string calldata json, string calldata key) external pure returns (string memory);
    function parseUint(string calldata text) external pure returns (uint256);
    function parseBytes(string calldata text) external pure returns (bytes memory);
    function getCode(string calldata artifact) external view returns (bytes memory);
    function etch(address where, bytes calldata code) external;
    function toString(uint256 value) external pure returns (string memory);
    function assertEq(uint256 got, uint256 expected, string calldata what) external pure;
    function assertEq(address got, address expected, string calldata what) external pure;
    function assertEq(bytes32 got, bytes32 expected, string calldata what) external pure;
    function assertEq(string calldata got, string calldata expected, string calldata what) external pure;
    function assertTrue(bool holds, string calldata what) external pure;
    function assertFalse(bool holds, string calldata what) external pure;
    function assertGe(uint256 got, uint256 least, string calldata what) external pure;
}

// Where the runner keeps it.
Cheats constant vm = Cheats(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
