# How far it was tested: `nix-instantiate --parse` only. Build it with `nix-build packaging/nix`.
{ pkgs ? import <nixpkgs> { } }:

pkgs.stdenv.mkDerivation (finalAttrs: {
  pname = "libetcd";
  version = "0.2.0";

  src = pkgs.lib.cleanSource ../..;

  cargoDeps = pkgs.rustPlatform.importCargoLock { lockFile = ../../Cargo.lock; };

  nativeBuildInputs = [
    pkgs.cargo
    pkgs.rustc
    pkgs.rustPlatform.cargoSetupHook
  ];

  outputs = [ "out" "dev" "man" ];

  buildFlags = [ "all" ];

  installFlags = [
    "DESTDIR="
    "PREFIX=${placeholder "out"}"
    "INCLUDEDIR=${placeholder "dev"}/include"
    "MANDIR=${placeholder "man"}/share/man"
  ];

  meta = {
    description = "C client library for etcd's v2 and v3 APIs";
    homepage = "https://github.com/libetcd/libetcd";
    license = with pkgs.lib.licenses; [ mit asl20 ];
    platforms = pkgs.lib.platforms.linux;
  };
})
