// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IHoldToken} from "./interfaces/IHoldToken.sol";
import {IMine} from "./interfaces/IMine.sol";
import {IStakePool} from "./interfaces/IStakePool.sol";
import {Work} from "./libraries/Work.sol";
import {Wei} from "./types/Units.sol";

/// @title Mine: the first distribution, by proof of work
/// @notice Nothing is handed out before, and nobody owns it: whoever finds a number gets the reward.
/// @dev Each reward is minted after the stake pool was poked, so that what is mined now does not grow for the time before.
contract Mine is IMine {
    /// @notice The chain on which work may be trivial: the local dev chain.
    uint256 public constant DEV_CHAIN_ID = 31_337;

    /// @notice The easiest first target anywhere else: four billion hashes for the first reward, on average.
    uint256 public constant EASIEST_START = type(uint256).max >> 32;

    IHoldToken public immutable token;
    IStakePool public immutable stakePool;

    /// @inheritdoc IMine
    bytes32 public challenge;
    /// @inheritdoc IMine
    uint256 public target;
    /// @inheritdoc IMine
    Wei public mined;

    // Rewards since the target was set, and when that was. Seconds.
    uint128 private _sinceTarget;
    uint128 private _targetSetAt;

    /// @param firstTarget what the first solutions' hashes must be below; on a dev chain the largest number
    constructor(IHoldToken token_, IStakePool stakePool_, uint256 firstTarget) {
        uint256 most = block.chainid == DEV_CHAIN_ID ? type(uint256).max : EASIEST_START;
        if (firstTarget == 0 || firstTarget > most) revert MineTargetOutside(most, firstTarget);
        token = token_;
        stakePool = stakePool_;
        target = firstTarget;
        _targetSetAt = uint128(block.timestamp);
        challenge = keccak256(
            abi.encode("holdfast/mine/1", block.chainid, address(this), blockhash(block.number - 1))
        );
        token_.joinAsMine();
    }

    /// @inheritdoc IMine
    function solve(address miner, uint256 nonce) external {
        if (miner == address(0)) revert MineMinerMissing();
        uint256 hash = Work.hashOf(challenge, miner, nonce);
        if (hash >= target) revert MineHashNotBelowTarget(target, hash);
        Wei paid = reward();
        mined = mined + paid;
        challenge = keccak256(abi.encode(challenge, blockhash(block.number - 1)));
        if (++_sinceTarget == Work.REWARDS_PER_TARGET) _retarget();
        emit Mined(miner, paid, challenge);
        stakePool.poke();
        token.mint(miner, Wei.unwrap(paid));
    }

    /// @inheritdoc IMine
    function reward() public view returns (Wei) {
        return Wei.wrap(Work.rewardAfter(Wei.unwrap(mined)));
    }

    function _retarget() private {
        target = Work.retarget(target, block.timestamp - _targetSetAt);
        _sinceTarget = 0;
        _targetSetAt = uint128(block.timestamp);
        emit TargetChanged(target);
    }
}
