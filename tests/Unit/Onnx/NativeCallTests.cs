using StableDiffusion.Onnx;

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
        Assert.ThrowsAny<OperationCanceledException>(() => NativeCall.Run(RunOn, discarded.SetResult, source.Token, grace: TimeSpan.Zero));
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
        Assert.Same(error, Assert.Throws<InvalidOperationException>(() => NativeCall.Run<string>(() => throw error, _ => isDiscarded = true, TestContext.Current.CancellationToken)));
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
        Assert.Equal(1, NativeCall.Run(static () => 1, source.Token));
        Assert.Equal(1, NativeCall.Run(static () => 1, CancellationToken.None));
        Assert.Same(error, Assert.Throws<InvalidOperationException>(() => NativeCall.Run<int>(() => throw error, source.Token)));
    }

    private sealed class Resource : IDisposable
    {
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Released => _released.Task;

        public void Dispose() => _released.SetResult();
    }
}
