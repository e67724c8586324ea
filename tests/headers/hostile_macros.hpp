/// Names that well-known headers take as macros: <complex.h>, <termios.h>, <sys/sysmacros.h>, Arduino, Qt and
/// Windows. A header of ours that uses one of them as a name does not compile after this.
///
/// `min` and `max` are missing on purpose: those who include <windows.h> define NOMINMAX.
#define I _Complex_I
#define B0 0000000
#define B1 1
#define F(text) (text)
#define major(device) gnu_dev_major(device)
#define minor(device) gnu_dev_minor(device)
#define linux 1
#define unix 1
#define emit
#define slots
#define signals public
#define foreach Q_FOREACH
#define small char
#define near
#define far
#define IN
#define OUT
#define interface struct
#define ERROR 0
#undef DELETE  // <arpa/nameser_compat.h> has another, and cpp-httplib brings it
#define DELETE 0x00010000L
#define CONST const
