#!/bin/bash
# Sign dicomgui.app, put it into a disk image, have Apple notarize that.
#
#     make_dmg.sh DIR VERSION PYTHON
#
# DIR holds dicomgui.app; PYTHON has dmgbuild. Secrets come from the environment; without them the step is left out, loudly:
#   DICOMGUI_CODESIGN_IDENTITY                                     "Developer ID Application: …"
#   DICOMGUI_NOTARY_ID, DICOMGUI_NOTARY_TEAM, DICOMGUI_NOTARY_PASSWORD
# A draft: it has not been run on a Mac yet.
set -euo pipefail
out=$1 version=$2 python=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
app="$out/dicomgui.app"
image="$out/dicomgui-$version-$(uname -m).dmg"

if [ -n "${DICOMGUI_CODESIGN_IDENTITY:-}" ]; then
    codesign --force --deep --options runtime --timestamp --entitlements "$here/entitlements.plist" \
        --sign "$DICOMGUI_CODESIGN_IDENTITY" "$app"
    codesign --verify --strict --deep "$app"
else
    echo "make_dmg: NOT SIGNED: DICOMGUI_CODESIGN_IDENTITY is not set. macOS will warn whoever opens it." >&2
fi

"$python" -m dmgbuild -s "$here/dmg_settings.py" -D app="$app" dicomgui "$image"

if [ -n "${DICOMGUI_NOTARY_PASSWORD:-}" ] && [ -n "${DICOMGUI_CODESIGN_IDENTITY:-}" ]; then
    xcrun notarytool submit "$image" --wait --apple-id "$DICOMGUI_NOTARY_ID" --team-id "$DICOMGUI_NOTARY_TEAM" \
        --password "$DICOMGUI_NOTARY_PASSWORD"
    xcrun stapler staple "$image"
else
    echo "make_dmg: NOT NOTARIZED: DICOMGUI_NOTARY_PASSWORD or the signature is missing." >&2
fi
