// One Wechaty gateway for one account, from packages that nobody here wrote, steered by JSON lines.
//
// argv[2]: {port, token, tls, self: {id, name}, login: "now" | "on-start" | "never"}.
// Each line on stdin is {id, do, ...}; each answer on stdout is "@ {id, ok, ...}". The first line is "@ {ready, ca}".
// The mock forgets what WeChat would do with an accepted request or a card; `Phone` adds that, and a record of sends.

import { createInterface } from 'node:readline'
import * as PUPPET from 'wechaty-puppet'
import { PuppetMock, mock } from 'wechaty-puppet-mock'
import { PuppetServer } from 'wechaty-puppet-service'
import { TLS_CA_CERT } from './node_modules/wechaty-puppet-service/dist/esm/src/auth/ca.js'

const options = JSON.parse(process.argv[2])
const { Friendship, Message } = PUPPET.types
const say = line => process.stdout.write(`@ ${JSON.stringify(line)}\n`)

class Phone extends PuppetMock {
  sent = []
  calls = { start: 0, stop: 0, accept: [] }
  hanging = false

  async start () { this.calls.start++; return super.start() }
  async stop () { this.calls.stop++; return super.stop() }

  async #leave (to, kind, what) {
    if (!this.isLoggedIn) throw new Error('not logged in')
    this.sent.push({ kind, to, what })
    if (this.hanging) await new Promise(() => {})
  }

  async messageSendText (to, text) {
    await this.#leave(to, 'text', text)
    return super.messageSendText(to, text)
  }

  async messageSendContact (to, contact) { await this.#leave(to, 'card', contact) }
  async messageSendUrl (to, link) { await this.#leave(to, 'link', link) }
  async messageSendFile (to, box) { await this.#leave(to, 'file', { base64: await box.toBase64(), name: box.name }) }

  async friendshipAccept (id) {
    this.calls.accept.push(id)
    const request = await this.friendshipPayload(id)
    await befriend(request.contactId, `${id}-confirmed`)
  }
}

const mocker = new mock.Mocker()
const phone = new Phone({ mocker })
const me = mocker.createContact({ ...options.self, friend: false })
const contact = id => mocker.ContactMock.load(id)
const place = ({ room, to }) => room ? mocker.RoomMock.load(room) : to ? contact(to) : me

mocker.use(() => {
  if (options.login === 'on-start' && !phone.isLoggedIn) mocker.login(me)
  return () => {}
})

async function befriend (contactId, friendshipId) {
  mocker.contactPayload(contactId).friend = true
  phone.cache?.contact?.delete?.(contactId)
  await phone.friendshipPayload(friendshipId, { contactId, id: friendshipId, type: Friendship.Confirm })
  phone.emit('friendship', { friendshipId })
}

function lastMessage () { return [...mocker.cacheMessagePayload.keys()].at(-1) }

const deeds = {
  befriend: ({ contact, friendship }) => befriend(contact, friendship),
  calls: () => ({ calls: phone.calls }),
  contact: ({ contact }) => { mocker.createContact({ phone: [], ...contact }) },
  emit: ({ event, payload }) => { phone.emit(event, payload) },
  hang: ({ hanging }) => { phone.hanging = hanging },
  login: () => { mocker.login(me) },
  logout: ({ reason }) => phone.logout(reason),
  message: ({ message }) => {
    mocker.MessageMock.create({ timestamp: Date.now(), type: Message.Text, ...message })
    phone.emit('message', { messageId: message.id })
  },
  room: ({ room }) => { mocker.createRoom(room) },
  say: ({ from, text, ...where }) => {
    contact(from).say(text).to(place(where))
    return { message: lastMessage() }
  },
  scan: ({ code }) => { mocker.scan(code) },
  sent: () => ({ sent: phone.sent }),
  type: ({ text, ...where }) => { // a person, on the phone itself
    me.say(text).to(place(where))
    return { message: lastMessage() }
  },
  want: async ({ friendship }) => { // somebody asks to be friends
    await phone.friendshipPayload(friendship.id, { type: Friendship.Receive, ...friendship })
    phone.emit('friendship', { friendshipId: friendship.id })
  },
}

async function obey (line) {
  const { do: what, id, ...rest } = JSON.parse(line)
  try {
    say({ id, ok: true, ...await deeds[what](rest) })
  } catch (e) {
    say({ error: String(e), id, ok: false })
  }
}

const server = new PuppetServer({
  endpoint: `127.0.0.1:${options.port}`,
  puppet: phone,
  tls: { disable: !options.tls },
  token: options.token,
})
await server.start()
if (options.login === 'now') {
  await phone.start()
  mocker.login(me)
}
const lines = createInterface({ input: process.stdin })
lines.on('line', line => { void obey(line) })
lines.on('close', () => process.exit(0)) // whoever started us is gone
say({ ca: TLS_CA_CERT, ready: true })
