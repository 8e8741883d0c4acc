//! Calls of the program's own functions, from which a thread comes back even if they end it.
//!
//! `pthread_exit` unwinds the stack up to the thread's beginning, and Rust ends the process when its frames are unwound by
//! anything but a panic. Python, up to 3.13, calls it in each thread that wants to run Python code while the interpreter
//! ends. So the unwinding ends in a frame between the program's function and ours, which has an exception handler of its
//! own: it goes on as if the function had returned.

use std::ffi::{c_int, c_void};

use super::cancellation;

/// Calls a function of the program's, with up to three arguments that are pointers or integers. `None`: it tried to end
/// the thread; else what it returned.
///
/// # Safety
/// `function` is a C function of these arguments that may be called now; it may have fewer, or ones of 32 bits.
pub unsafe fn call(function: *const c_void, arguments: [usize; 3]) -> Option<c_int> {
    cancellation::disable();
    // SAFETY: as this function's.
    let returned = unsafe { frame::call(function, arguments) };
    // The function may have enabled it.
    cancellation::disable();
    returned
}

#[cfg(target_arch = "x86_64")]
mod frame {
    use std::ffi::{c_int, c_void};

    /// In the two registers that a C function returns it in.
    #[repr(C)]
    struct Returned {
        value: usize,
        has_exited: usize,
    }

    unsafe extern "C" {
        fn libetcd_callback(a: usize, b: usize, c: usize, function: *const c_void) -> Returned;
        fn libetcd_callback_has_exited();
        fn _Unwind_SetIP(context: *mut c_void, address: usize);
    }

    // The arguments stay in the registers that they came in, which are those of the function. The personality is referred
    // to by way of a pointer, as compilers do, so that the code is the same wherever it is loaded.
    std::arch::global_asm!(
        ".pushsection .text.libetcd_callback,\"ax\",@progbits",
        ".hidden libetcd_callback",
        ".globl libetcd_callback",
        ".type libetcd_callback,@function",
        ".hidden libetcd_callback_has_exited",
        ".globl libetcd_callback_has_exited",
        "libetcd_callback:",
        ".cfi_startproc",
        ".cfi_personality 0x9b, .Llibetcd_callback_personality",
        "sub rsp, 8",
        ".cfi_adjust_cfa_offset 8",
        "call rcx",
        "xor edx, edx",
        ".Llibetcd_callback_return:",
        "add rsp, 8",
        ".cfi_adjust_cfa_offset -8",
        "ret",
        ".cfi_adjust_cfa_offset 8",
        "libetcd_callback_has_exited:",
        "xor eax, eax",
        "mov edx, 1",
        "jmp .Llibetcd_callback_return",
        ".cfi_endproc",
        ".size libetcd_callback, . - libetcd_callback",
        ".popsection",
        ".pushsection .data.rel.ro.libetcd_callback,\"aw\",@progbits",
        ".p2align 3",
        ".Llibetcd_callback_personality:",
        ".quad {personality}",
        ".popsection",
        personality = sym personality,
    );

    pub unsafe fn call(function: *const c_void, [a, b, c]: [usize; 3]) -> Option<c_int> {
        // SAFETY: as `super::call`'s.
        let returned = unsafe { libetcd_callback(a, b, c, function) };
        (returned.has_exited == 0).then_some(returned.value as c_int)
    }

    /// What the unwinder asks at our frame (Itanium C++ ABI, "Exception Handling", 1.6.2). A thread's end is unwinding by
    /// force; it stops here, and nothing has to be freed, for what is thrown is part of the thread. An exception finds no
    /// handler, and C++ ends the program.
    unsafe extern "C" fn personality(
        _version: c_int,
        actions: c_int,
        _class: u64,
        _exception: *mut c_void,
        context: *mut c_void,
    ) -> c_int {
        const CLEANUP_BY_FORCE: c_int = 2 | 8;
        const FATAL_IN_SEARCH: c_int = 3;
        const INSTALL_CONTEXT: c_int = 7;
        if actions & CLEANUP_BY_FORCE != CLEANUP_BY_FORCE {
            return FATAL_IN_SEARCH;
        }
        let address = libetcd_callback_has_exited as *const () as usize;
        // SAFETY: the context is the unwinder's, of our frame, and the address lies in that frame's function.
        unsafe { _Unwind_SetIP(context, address) };
        INSTALL_CONTEXT
    }
}

/// Without such a frame: a thread that is ended in a callback ends the process.
#[cfg(not(target_arch = "x86_64"))]
mod frame {
    use std::ffi::{c_int, c_void};

    pub unsafe fn call(function: *const c_void, [a, b, c]: [usize; 3]) -> Option<c_int> {
        // SAFETY: as `super::call`'s.
        let function: unsafe extern "C" fn(usize, usize, usize) -> c_int = unsafe { std::mem::transmute(function) };
        // SAFETY: the same.
        Some(unsafe { function(a, b, c) })
    }
}
