import { expect } from 'chai'
import { Inbox } from '../../net/inbox.ts'

const anInbox = () => new Inbox({ pause: () => undefined, resume: () => undefined })

describe('net/inbox', () => {
  it('shows what comes next without taking it, across chunks', () => {
    const inbox = anInbox()
    for (const chunk of [[1, 2, 3], [4], [5, 6]]) inbox.push(Uint8Array.from(chunk))
    inbox.take(new Uint8Array(2), 0, 2)
    expect([...(inbox.peek(3) ?? [])]).to.deep.equal([3, 4, 5])
    expect(inbox.peek(5)).to.equal(undefined)
    const rest = new Uint8Array(4)
    expect(inbox.take(rest, 0, 4)).to.equal(4)
    expect([...rest]).to.deep.equal([3, 4, 5, 6])
  })
})
