using StableDiffusion.Onnx;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Onnx;

/// <summary>Native code that does not end when it is cancelled.</summary>
public sealed class NativeCallTests
{
    [Fact]
    public async Task A_cancelled_call_that_goes_on_is_left_alone_and_its_result_released()
    {
        using CancellationTokenSource source = new();
        using ManualResetEventSlim end = new();
        TaskCompletionSource<string?> discarded = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Assert.ThrowsAny<OperationCanceledException>(() => NativeCall.Run(RunOn, DoNothing, discarded.SetResult, source.Token, grace: TimeSpan.Zero));
        Assert.False(discarded.Task.IsCompleted);

        end.Set();
        Assert.Equal("made", await discarded.Task);

        string RunOn()
        {
            source.Cancel();
            end.Wait(TestContext.Current.CancellationToken);
            return "made";
        }
    }

    [Fact]
    public void A_call_that_fails_releases_what_it_used_and_keeps_its_error()
    {
        bool isDiscarded = false;
        InvalidOperationException error = new("failed");
        Assert.Same(error, Assert.Throws<InvalidOperationException>(() => NativeCall.Run<string>(() => throw error, DoNothing, _ => isDiscarded = true, TestContext.Current.CancellationToken)));
        Assert.True(isDiscarded);
    }

    [Fact]
    public void A_call_that_ends_although_it_was_cancelled_gives_its_result()
    {
        using CancellationTokenSource source = new();
        Assert.Equal("made", NativeCall.Run(
            () =>
            {
                source.Cancel();
                return "made";
            },
            DoNothing,
            Assert.Null,
            source.Token));
    }

    [Fact]
    public async Task What_a_run_uses_is_released_when_a_run_that_was_left_alone_has_ended()
    {
        using CancellationTokenSource source = new();
        using ManualResetEventSlim end = new();
        Resource resource = new();
        Assert.ThrowsAny<OperationCanceledException>(() => NativeCall.Run(
            () =>
            {
                source.Cancel();
                return end.Wait(Timeout.Infinite, TestContext.Current.CancellationToken);
            },
            DoNothing,
            source.Token,
            grace: TimeSpan.Zero));

        NativeCall.Release(resource);
        Assert.False(resource.Released.IsCompleted);

        end.Set();
        await resource.Released;
        NativeCall.Release(null);
    }

    [Fact]
    public void A_run_gives_its_result_or_its_error_as_without_a_thread_of_its_own()
    {
        using CancellationTokenSource source = new();
        InvalidOperationException error = new("failed");
        Assert.Equal(1, NativeCall.Run(static () => 1, DoNothing, source.Token));
        Assert.Equal(1, NativeCall.Run(static () => 1, DoNothing, CancellationToken.None));
        Assert.Same(error, Assert.Throws<InvalidOperationException>(() => NativeCall.Run<int>(() => throw error, DoNothing, source.Token)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_call_that_takes_too_much_memory_is_told_to_end(bool opens)
    {
        using CancellationTokenSource end = new();
        Func<string> run = () => throw new InvalidOperationException($"ended: {end.Token.WaitHandle.WaitOne()}");
        InsufficientMemoryException error = Assert.Throws<InsufficientMemoryException>(() => opens
            ? NativeCall.Run(run, end.Cancel, Assert.Null, TestContext.Current.CancellationToken, watch: Exceed)
            : NativeCall.Run(run, end.Cancel, TestContext.Current.CancellationToken, watch: Exceed));
        Assert.Contains(MemoryLimit.Variable, error.Message, StringComparison.Ordinal);
        Assert.True(end.IsCancellationRequested);

        static void Exceed() => MemoryWatch.Check(long.MaxValue);
    }

    [Fact]
    public void The_memory_of_the_process_is_within_the_limit()
    {
        MemoryWatch.Check();
        MemoryWatch.Check(null);
        if (OperatingSystem.IsLinux() || OperatingSystem.IsWindows())
            Assert.InRange(MemoryWatch.UsedBytes()!.Value, 1_000_000, 100_000_000_000);
        else
            Assert.Null(MemoryWatch.UsedBytes());
    }

    private static void DoNothing()
    {
    }

    private sealed class Resource : IDisposable
    {
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Released => _released.Task;

        public void Dispose() => _released.SetResult();
    }
}
