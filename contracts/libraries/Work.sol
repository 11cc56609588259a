// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Work: what a solution is, what it pays, and how hard the next ones are
/// @notice Rules only. contracts.md, Mine.
library Work {
    /// All that can ever be mined. Wei: 2^28 HOLD, so that the first reward is 1,024 HOLD.
    uint256 internal constant ALL = 2 ** 28 * 1e18;

    /// A reward is what is left, divided by 2 to this power.
    uint256 internal constant REWARD_SHIFT = 18;

    /// The target is set anew after so many rewards, which should have taken a day.
    uint256 internal constant REWARDS_PER_TARGET = 144;
    uint256 internal constant AIM = 1 days;

    /// @param mined wei
    /// @return wei; it halves each time another half of the rest is mined, and ends at nothing
    function rewardAfter(uint256 mined) internal pure returns (uint256) {
        return (ALL - mined) >> REWARD_SHIFT;
    }

    function hashOf(bytes32 challenge, address miner, uint256 nonce) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(challenge, miner, nonce)));
    }

    /// @param elapsed seconds that the last 144 rewards took
    /// @return target x clamp(elapsed / a day, 1/4, 4), at least 1 and at most the largest number there is
    function retarget(uint256 target, uint256 elapsed) internal pure returns (uint256) {
        uint256 counted = Math.max(AIM / 4, Math.min(AIM * 4, elapsed));
        if (target / AIM >= type(uint256).max / counted) return type(uint256).max;
        return Math.max(1, Math.mulDiv(target, counted, AIM));
    }
}
