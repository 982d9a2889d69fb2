using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Inspection;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Denoising.Inspection;

public sealed class LatentChannelTests
{
    // Two channels of two rows and three columns; the second has one value alone.
    private static readonly Latent s_latent = new(new Tensor([-2, -1, 0, 1, 2, 6, 5, 5, 5, 5, 5, 5], 1, 2, 2, 3), new GenerationInfo());

    [Fact]
    public void A_channel_has_its_statistics_and_an_image_in_gray()
    {
        IReadOnlyList<LatentChannel> channels = LatentChannel.Split(s_latent, scale: 2);
        LatentChannel first = channels[0];
        Assert.Equal([0, 1], channels.Select(static channel => channel.Channel));
        Assert.Equal((-2f, 6f, -2f, 6f), (first.Minimum, first.Maximum, first.Black, first.White));
        Assert.Equal(1, first.Mean, 1e-9);
        Assert.Equal(Math.Sqrt(((9 + 4 + 1 + 0 + 1 + 25) / 6.0)), first.StandardDeviation, 1e-9);
        Assert.Equal([-2, -1, 0, 1, 2, 6], first.Values);
        Assert.Equal((6, 4), (first.Image.Width, first.Image.Height));

        // -2 to 6 are 0 to 255; each value is a square of two pixels.
        byte[] levels = [0, 32, 64, 96, 128, 255];
        for (int y = 0; y < 4; y++)
        {
            for (int x = 0; x < 6; x++)
            {
                for (int color = 0; color < 3; color++)
                    Assert.Equal(levels[((y / 2) * 3) + (x / 2)], first.Image.Pixels[(((y * 6) + x) * 3) + color]);
            }
        }

        Assert.All(channels[1].Image.Pixels.ToArray(), static level => Assert.Equal(128, level));
    }

    [Fact]
    public void A_scale_can_be_given_for_all_channels()
    {
        IReadOnlyList<LatentChannel> channels = LatentChannel.Split(s_latent, black: 0, white: 5, scale: 1);
        Assert.Equal([0, 0, 0, 51, 102, 255], Levels(channels[0]));
        Assert.Equal([255, 255, 255, 255, 255, 255], Levels(channels[1]));
        Assert.Equal((0f, 5f), (channels[1].Black, channels[1].White));

        static byte[] Levels(LatentChannel channel) => [.. channel.Image.Pixels.ToArray().Where(static (_, index) => index % 3 == 0)];
    }

    [Theory]
    [InlineData("Scale", null, null, 0)]
    [InlineData("Scale", null, null, 65)]
    [InlineData("Maximum", 1.0, 1.0, 8)]
    [InlineData("Minimum", double.NaN, null, 8)]
    [InlineData("Maximum", null, double.PositiveInfinity, 8)]
    public void What_is_out_of_range_is_an_error(string setting, double? black, double? white, int scale) =>
        Assert.Equal(setting, Assert.Throws<InvalidSettingException>(() => LatentChannel.Split(s_latent, black, white, scale)).Setting);
}
