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
}
