// Every system call there is: number (i386) and handler sys_NAME. Calls that always give one error are at the end.
#pragma once
#include "vdso.hpp"

// By number.
// clang-format off
#define VDSO_CALLS(X) \
    X(1, exit) X(2, fork) X(3, read) X(4, write) X(5, open) X(6, close) X(7, waitpid) X(8, creat) X(9, link) \
    X(10, unlink) X(11, execve) X(12, chdir) X(13, time) X(14, mknod) X(15, chmod) X(16, lchown16) X(19, lseek) \
    X(20, getpid) X(21, mount) X(22, umount) X(23, setuid16) X(24, getuid) X(25, stime) X(27, alarm) X(29, pause) \
    X(30, utime) X(33, access) X(34, nice) X(36, sync) X(37, kill) X(38, rename) X(39, mkdir) X(40, rmdir) X(41, dup) \
    X(42, pipe) X(43, times) X(45, brk) X(46, setgid16) X(47, getgid) X(48, signal) X(49, geteuid) X(50, getegid) \
    X(52, umount2) X(54, ioctl) X(55, fcntl) X(57, setpgid) X(59, olduname) X(60, umask) X(61, chroot) X(63, dup2) \
    X(64, getppid) X(65, getpgrp) X(66, setsid) X(67, sigaction) X(68, sgetmask) X(69, ssetmask) X(70, setreuid16) \
    X(71, setregid16) X(72, sigsuspend) X(73, sigpending) X(74, sethostname) X(75, setrlimit) X(76, getrlimit) \
    X(77, getrusage) X(78, gettimeofday) X(79, settimeofday) X(80, getgroups16) X(81, setgroups16) X(82, old_select) \
    X(83, symlink) X(85, readlink) X(90, old_mmap) X(91, munmap) X(92, truncate) X(93, ftruncate) X(94, fchmod) \
    X(95, fchown16) X(96, getpriority) X(97, setpriority) X(99, statfs) X(100, fstatfs) X(102, socketcall) \
    X(104, setitimer) X(105, getitimer) X(106, stat) X(107, lstat) X(108, fstat) X(109, olduname) X(114, wait4) \
    X(116, sysinfo) X(117, ipc) X(118, fsync) X(119, sigreturn) X(120, clone) X(121, setdomainname) X(122, uname) \
    X(125, mprotect) X(126, sigprocmask) X(132, getpgid) X(133, fchdir) X(136, personality) X(138, setfsuid16) \
    X(139, setfsgid16) X(140, llseek) X(141, getdents) X(142, select) X(143, flock) X(144, nothing) X(145, readv) \
    X(146, writev) X(147, getsid) X(148, fdatasync) X(150, nothing) X(151, nothing) X(152, nothing) X(153, nothing) \
    X(154, sched_setparam) X(155, sched_getparam) X(156, sched_setscheduler) X(157, sched_getscheduler) \
    X(158, sched_yield) X(159, sched_get_priority) X(160, sched_get_priority) X(161, sched_rr_get_interval) \
    X(162, nanosleep) X(163, mremap) X(164, setresuid16) X(165, getresuid16) X(168, poll) X(170, setresgid16) \
    X(171, getresgid16) X(172, prctl) X(173, rt_sigreturn) X(174, rt_sigaction) X(175, rt_sigprocmask) \
    X(176, rt_sigpending) X(177, rt_sigtimedwait) X(178, rt_sigqueueinfo) X(179, rt_sigsuspend) X(180, pread64) \
    X(181, pwrite64) X(182, chown16) X(183, getcwd) X(184, capget) X(185, capset) X(186, sigaltstack) \
    X(187, sendfile) X(190, vfork) X(191, ugetrlimit) X(192, mmap2) X(193, truncate64) X(194, ftruncate64) \
    X(195, stat64) X(196, lstat64) X(197, fstat64) X(198, lchown) X(199, getuid) X(200, getgid) X(201, geteuid) \
    X(202, getegid) X(203, setreuid) X(204, setregid) X(205, getgroups) X(206, setgroups) X(207, fchown) \
    X(208, setresuid) X(209, getresuid) X(210, setresgid) X(211, getresgid) X(212, chown) X(213, setuid) \
    X(214, setgid) X(215, setfsuid) X(216, setfsgid) X(217, pivot_root) X(218, mincore) X(219, madvise) \
    X(220, getdents64) X(221, fcntl) X(224, gettid) X(225, nothing) X(238, tkill) X(239, sendfile64) X(240, futex) \
    X(241, nothing) X(242, sched_getaffinity) X(243, set_thread_area) X(250, nothing) X(252, exit_group) \
    X(254, epoll_create) X(255, epoll_ctl) X(256, epoll_wait) X(258, set_tid_address) X(264, clock_settime) \
    X(265, clock_gettime) X(266, clock_getres) X(267, clock_nanosleep) X(268, statfs64) X(269, fstatfs64) \
    X(270, tgkill) X(271, utimes) X(272, nothing) X(277, mq_open) X(278, mq_unlink) X(279, mq_timedsend) \
    X(280, mq_timedreceive) X(281, mq_notify) X(282, mq_getsetattr) X(284, waitid) X(289, nothing) X(290, ioprio_get) \
    X(295, openat) X(296, mkdirat) X(297, mknodat) X(298, fchownat) X(299, futimesat) X(300, fstatat64) \
    X(301, unlinkat) X(302, renameat) X(303, linkat) X(304, symlinkat) X(305, readlinkat) X(306, fchmodat) \
    X(307, faccessat) X(308, pselect6) X(309, ppoll) X(310, unshare) X(311, set_robust_list) X(314, sync_file_range) \
    X(318, getcpu) X(319, epoll_pwait) X(320, utimensat) X(321, signalfd) X(322, timerfd_create) X(323, eventfd) \
    X(324, fallocate) X(325, timerfd_settime) X(326, timerfd_gettime) X(327, signalfd4) X(328, eventfd2) \
    X(329, epoll_create1) X(330, dup3) X(331, pipe2) X(333, preadv) X(334, pwritev) X(335, rt_tgsigqueueinfo) \
    X(337, recvmmsg) X(340, prlimit64) X(344, fsync) X(345, sendmmsg) X(346, setns) X(353, renameat2) \
    X(355, getrandom) X(356, memfd_create) X(358, execveat) X(359, socket) X(360, socketpair) X(361, bind) \
    X(362, connect) X(363, listen) X(364, accept4) X(365, getsockopt) X(366, setsockopt) X(367, getsockname) \
    X(368, getpeername) X(369, sendto) X(370, sendmsg) X(371, recvfrom) X(372, recvmsg) X(373, shutdown) \
    X(376, nothing) X(377, copy_file_range) X(383, statx) X(393, semget) X(394, semctl) X(395, shmget) X(396, shmctl) \
    X(397, shmat) X(398, shmdt) X(399, msgget) X(400, msgsnd) X(401, msgrcv) X(402, msgctl) X(403, clock_gettime64) \
    X(404, clock_settime64) X(406, clock_getres64) X(407, clock_nanosleep64) X(410, timerfd_gettime64) \
    X(411, timerfd_settime64) X(412, utimensat64) X(413, pselect6_64) X(414, ppoll64) X(417, recvmmsg) \
    X(418, mq_timedsend64) X(419, mq_timedreceive64) X(420, semtimedop64) X(421, rt_sigtimedwait64) X(422, futex64) \
    X(423, sched_rr_get_interval64) X(424, pidfd_send_signal) X(434, pidfd_open) X(435, clone3) X(436, close_range) \
    X(437, openat2) X(439, faccessat2) X(441, epoll_pwait2)
// clang-format on

namespace vdso {
#define VDSO_DECLARE(number, name) Long sys_##name(ThreadArea& thread);
VDSO_CALLS(VDSO_DECLARE)
#undef VDSO_DECLARE
} // namespace vdso
