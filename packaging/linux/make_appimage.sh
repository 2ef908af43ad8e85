#!/bin/sh
# Packs DIR/dicomgui.AppDir into DIR/dicomgui-VERSION-ARCH.AppImage, and has the image test itself.
#
#     packaging/linux/make_appimage.sh DIR VERSION
#
# The tool and the runtime that becomes the head of the image are fetched from where the AppImage project publishes them,
# in one version each, and compared with their sums. FUSE is not needed: both are unpacked to be run.
set -eu

out=$1
version=$2
arch=$(uname -m)
if [ "$arch" != x86_64 ]; then
    echo "make_appimage: there are sums for x86_64 alone, this is $arch" >&2
    exit 1
fi
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT

fetch() { # URL SUM NAME
    curl --fail --silent --show-error --location --retry 3 --output "$tools/$3" "$1"
    echo "$2  $tools/$3" | sha256sum --check --quiet
}

fetch https://github.com/AppImage/appimagetool/releases/download/1.9.1/appimagetool-x86_64.AppImage \
    ed4ce84f0d9caff66f50bcca6ff6f35aae54ce8135408b3fa33abfc3cb384eb0 appimagetool
fetch https://github.com/AppImage/type2-runtime/releases/download/20251108/runtime-x86_64 \
    2fca8b443c92510f1483a883f60061ad09b46b978b2631c807cd873a47ec260d runtime
chmod +x "$tools/appimagetool"

image=$out/dicomgui-$version-$arch.AppImage
ARCH=$arch "$tools/appimagetool" --appimage-extract-and-run --runtime-file "$tools/runtime" "$out/dicomgui.AppDir" "$image"
QT_QPA_PLATFORM=offscreen "$image" --appimage-extract-and-run --selftest
