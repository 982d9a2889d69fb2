using StableDiffusion.Images;

namespace StableDiffusion.Tests.Images;

public sealed class BackgroundCallTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void A_call_that_is_cancelled_is_not_waited_for()
    {
        using CancellationTokenSource source = CancellationTokenSource.CreateLinkedTokenSource(Token);
        using ManualResetEventSlim gate = new();
        using ManualResetEventSlim ended = new();

        Assert.ThrowsAny<OperationCanceledException>(() => BackgroundCall.Run(
            () =>
            {
                source.Cancel();
                gate.Wait(Token);
                ended.Set();
                return 1;
            },
            source.Token));

        Assert.False(ended.IsSet);
        gate.Set();
        ended.Wait(Token);
    }

    [Fact]
    public void A_call_gives_its_result_or_its_own_error()
    {
        Assert.Equal(3, BackgroundCall.Run(static () => 3, Token));
        Assert.Equal("own", Assert.Throws<ImageInvalidException>(() => BackgroundCall.Run<int>(static () => throw new ImageInvalidException("own"), Token)).Message);
    }
}
