// go-macaroon behind the protocol of ../../README.md: macaroons as bytes.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"

	"gopkg.in/macaroon.v2"
)

type command struct {
	Id         json.RawMessage `json:"id"`
	Do         string          `json:"do"`
	Macaroon   *string         `json:"macaroon"`
	RootKey    *string         `json:"rootKey"`
	Identifier string          `json:"identifier"`
	Location   string          `json:"location"`
	// In hex.
	Caveats []string `json:"caveats"`
}

type answer = map[string]any

func (c command) read() (*macaroon.Macaroon, error) {
	if c.Macaroon == nil {
		return nil, errors.New("no macaroon")
	}
	bytes, err := hex.DecodeString(*c.Macaroon)
	if err != nil {
		return nil, err
	}
	var read macaroon.Macaroon
	if err := read.UnmarshalBinary(bytes); err != nil {
		return nil, err
	}
	return &read, nil
}

func (c command) key() ([]byte, error) {
	if c.RootKey == nil {
		return nil, errors.New("no root key")
	}
	return hex.DecodeString(*c.RootKey)
}

// append adds the caveats of the command, and answers with the packet.
func (c command) append(to *macaroon.Macaroon) (answer, error) {
	for _, text := range c.Caveats {
		caveat, err := hex.DecodeString(text)
		if err != nil {
			return nil, err
		}
		if err := to.AddFirstPartyCaveat(caveat); err != nil {
			return nil, err
		}
	}
	packet, err := to.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return answer{"ok": true, "macaroon": hex.EncodeToString(packet)}, nil
}

func mint(c command) (answer, error) {
	key, err := c.key()
	if err != nil {
		return nil, err
	}
	identifier, err := hex.DecodeString(c.Identifier)
	if err != nil {
		return nil, err
	}
	minted, err := macaroon.New(key, identifier, c.Location, macaroon.V2)
	if err != nil {
		return nil, err
	}
	return c.append(minted)
}

func attenuate(c command) (answer, error) {
	read, err := c.read()
	if err != nil {
		return nil, err
	}
	return c.append(read)
}

func verify(c command) (answer, error) {
	read, err := c.read()
	if err != nil {
		return nil, err
	}
	key, err := c.key()
	if err != nil {
		return nil, err
	}
	if err := read.Verify(key, func(string) error { return nil }, nil); err != nil {
		return nil, err
	}
	return answer{"ok": true}, nil
}

func inspect(c command) (answer, error) {
	read, err := c.read()
	if err != nil {
		return nil, err
	}
	caveats := []string{}
	for _, caveat := range read.Caveats() {
		caveats = append(caveats, string(caveat.Id))
	}
	return answer{
		"ok":         true,
		"location":   read.Location(),
		"identifier": hex.EncodeToString(read.Id()),
		"caveats":    caveats,
		"signature":  hex.EncodeToString(read.Signature()),
	}, nil
}

func hello(command) (answer, error) {
	return answer{
		"name":     "go-macaroon",
		"version":  "2.1.0",
		"forms":    []string{"macaroon"},
		"features": []string{"core"},
		"codes":    false,
	}, nil
}

// Credentials of page 1 are more than macaroons: the library knows bytes alone.
var commands = map[string]func(command) (answer, error){
	"mint": mint, "attenuate": attenuate, "verify": verify, "inspect": inspect,
}

func answerTo(c command) answer {
	run := commands[c.Do]
	if c.Do == "hello" {
		run = hello
	} else if c.Macaroon == nil && c.RootKey == nil {
		run = nil
	}
	if run == nil {
		return answer{"unsupported": true}
	}
	said, err := run(c)
	if err != nil {
		return answer{"ok": false, "message": err.Error()}
	}
	return said
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			os.Exit(1)
		}
		said := answerTo(c)
		said["id"] = c.Id
		if err := out.Encode(said); err != nil {
			os.Exit(1)
		}
	}
}
