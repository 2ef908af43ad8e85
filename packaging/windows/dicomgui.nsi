; The installer for Windows. Compiled with
;
;     makensis -WX -DVERSION=0.1.0 -DBUNDLE=dist\dicomgui -DOUT=dicomgui-0.1.0-setup.exe [-DICON=...] dicomgui.nsi
;
; For the user who runs it, without asking for rights; with /ALLUSERS for all users of the machine (run it as
; administrator then). /S asks nothing, /D=FOLDER installs elsewhere. It opens no port: Windows asks the user about the
; firewall when the listener is opened for others, and the uninstaller removes the rule that this makes.

; -DX64 makes the setup itself a program of 64 bits, where this makensis can (Debian's can).
!ifdef X64
  Target amd64-unicode
!endif
Unicode true
!ifndef VERSION
  !error "-DVERSION=... is missing"
!endif
!ifndef BUNDLE
  !error "-DBUNDLE=... is missing"
!endif
!ifndef OUT
  !error "-DOUT=... is missing"
!endif

; The separator of the machine that compiles.
!ifdef NSIS_WIN32_MAKENSIS
  !define SLASH "\"
!else
  !define SLASH "/"
!endif
!define NAME "dicomgui"
!define PROGID_DICOM "dicomgui.dicom"
!define PROGID_TRACE "dicomgui.trace"
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\${NAME}"

!include "MUI2.nsh"
!include "FileFunc.nsh"
!include "LogicLib.nsh"
!include "x64.nsh"

Name "${NAME} ${VERSION}"
OutFile "${OUT}"
RequestExecutionLevel user
SetCompressor /SOLID lzma
ManifestDPIAware true
BrandingText " "
VIProductVersion "${VERSION}.0"
VIAddVersionKey "ProductName" "${NAME}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "FileDescription" "Installer of ${NAME}"
VIAddVersionKey "LegalCopyright" "MIT licence"

!ifdef ICON
  !define MUI_ICON "${ICON}"
  !define MUI_UNICON "${ICON}"
!endif
!define MUI_ABORTWARNING
!insertmacro MUI_PAGE_LICENSE "${BUNDLE}${SLASH}_internal${SLASH}LICENSE"
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!define MUI_FINISHPAGE_RUN "$INSTDIR\dicomgui-gui.exe"
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "SimpChinese"

Var ForAll

!macro ChooseUsers
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/ALLUSERS" $1
  ${IfNot} ${Errors}
    StrCpy $ForAll 1
    SetShellVarContext all
  ${Else}
    StrCpy $ForAll 0
    SetShellVarContext current
  ${EndIf}
!macroend

Function .onInit
  !insertmacro ChooseUsers
  SetRegView 64
  ${If} $INSTDIR == ""
    ${If} $ForAll == 1
      StrCpy $INSTDIR "$PROGRAMFILES64\${NAME}"
    ${Else}
      StrCpy $INSTDIR "$LOCALAPPDATA\Programs\${NAME}"
    ${EndIf}
  ${EndIf}
FunctionEnd

Section "${NAME}"
  ; Of an older version nothing may stay among the newer one's files. Settings and archive lie elsewhere.
  RMDir /r "$INSTDIR\_internal"
  SetOutPath "$INSTDIR"
  File /r "${BUNDLE}${SLASH}*"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\${NAME}.lnk" "$INSTDIR\dicomgui-gui.exe"

  ; Offered under "Open with", never made the user's choice.
  WriteRegStr SHCTX "Software\Classes\${PROGID_DICOM}" "" "DICOM file"
  WriteRegStr SHCTX "Software\Classes\${PROGID_DICOM}\DefaultIcon" "" "$INSTDIR\dicomgui-gui.exe,0"
  WriteRegStr SHCTX "Software\Classes\${PROGID_DICOM}\shell\open\command" "" '"$INSTDIR\dicomgui-gui.exe" "%1"'
  WriteRegStr SHCTX "Software\Classes\.dcm\OpenWithProgids" "${PROGID_DICOM}" ""
  WriteRegStr SHCTX "Software\Classes\${PROGID_TRACE}" "" "Trace of dicomgui"
  WriteRegStr SHCTX "Software\Classes\${PROGID_TRACE}\DefaultIcon" "" "$INSTDIR\dicomgui-gui.exe,0"
  WriteRegStr SHCTX "Software\Classes\${PROGID_TRACE}\shell\open\command" "" '"$INSTDIR\dicomgui-gui.exe" "%1"'
  WriteRegStr SHCTX "Software\Classes\.dgtrace\OpenWithProgids" "${PROGID_TRACE}" ""

  WriteRegStr SHCTX "${UNINSTALL}" "DisplayName" "${NAME}"
  WriteRegStr SHCTX "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr SHCTX "${UNINSTALL}" "DisplayIcon" "$INSTDIR\dicomgui-gui.exe"
  WriteRegStr SHCTX "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  ${If} $ForAll == 1
    WriteRegStr SHCTX "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe" /ALLUSERS'
    WriteRegStr SHCTX "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /ALLUSERS /S'
  ${Else}
    WriteRegStr SHCTX "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
    WriteRegStr SHCTX "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  ${EndIf}
  WriteRegDWORD SHCTX "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD SHCTX "${UNINSTALL}" "NoRepair" 1
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  IntFmt $0 "0x%08X" $0
  WriteRegDWORD SHCTX "${UNINSTALL}" "EstimatedSize" "$0"
SectionEnd

Function un.onInit
  !insertmacro ChooseUsers
  SetRegView 64
FunctionEnd

Section "Uninstall"
  ${If} $ForAll == 1
    ; The rule that Windows makes when the user lets the listener through; there is none where nobody did.
    nsExec::Exec 'netsh advfirewall firewall delete rule name=all program="$INSTDIR\dicomgui.exe"'
    Pop $0
    nsExec::Exec 'netsh advfirewall firewall delete rule name=all program="$INSTDIR\dicomgui-gui.exe"'
    Pop $0
  ${EndIf}
  Delete "$SMPROGRAMS\${NAME}.lnk"
  RMDir /r "$INSTDIR\_internal"
  Delete "$INSTDIR\dicomgui.exe"
  Delete "$INSTDIR\dicomgui-gui.exe"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  DeleteRegValue SHCTX "Software\Classes\.dcm\OpenWithProgids" "${PROGID_DICOM}"
  DeleteRegValue SHCTX "Software\Classes\.dgtrace\OpenWithProgids" "${PROGID_TRACE}"
  DeleteRegKey SHCTX "Software\Classes\${PROGID_DICOM}"
  DeleteRegKey SHCTX "Software\Classes\${PROGID_TRACE}"
  DeleteRegKey SHCTX "${UNINSTALL}"
SectionEnd
