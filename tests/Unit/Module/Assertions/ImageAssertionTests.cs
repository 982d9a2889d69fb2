using SdPowerShell.Assertions;
using StableDiffusion.Images;

namespace StableDiffusion.Tests.Module.Assertions;

public sealed class ImageAssertionTests
{
    [Fact]
    public void A_test_ends_when_it_is_cancelled()
    {
        ImageAssertion assertion = new(new ImageTolerance(Psnr: null, Ssim: null), negate: false, because: null, new CancellationToken(canceled: true));
        DiffusionImage image = new(2, 1, new byte[6]);

        Assert.ThrowsAny<OperationCanceledException>(() => assertion.Test(image, image));
    }

    /// <summary>PowerShell tells only cmdlets that the pipeline is stopped.</summary>
    [Fact]
    public void The_operators_are_cmdlets_that_can_be_stopped()
    {
        Assert.True(ShouldOperators.BeDiffusionImage.ImplementingType.IsSubclassOf(typeof(SdPowerShell.DiffusionCmdlet)));
        Assert.True(ShouldOperators.HaveDiffusionSetting.ImplementingType.IsSubclassOf(typeof(SdPowerShell.DiffusionCmdlet)));
    }
}
