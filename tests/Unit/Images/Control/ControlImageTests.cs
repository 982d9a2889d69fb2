using StableDiffusion.Images;
using StableDiffusion.Images.Control;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Images.Control;

public sealed class ControlImageTests
{
    private static DiffusionImage Scene => ImageFile.Read(Repository.Data("images", "scene.png"));

    [Theory]
    [InlineData("scene", 100, 200)]
    [InlineData("scene", 40, 80)]
    [InlineData("rgb", 100, 200)]
    [InlineData("rgb", 40, 80)]
    [InlineData("crop-96x48", 100, 200)]
    [InlineData("crop-96x48", 40, 80)]
    public void Canny_finds_the_edges_that_OpenCV_finds(string picture, int low, int high)
    {
        DiffusionImage expected = ImageFile.Read(Repository.Data("images", "canny", $"{picture}-{low}-{high}.png"));
        DiffusionImage edges = CannyEdges.Find(ImageFile.Read(Repository.Data("images", $"{picture}.png")), low, high, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Contains((byte)255, expected.Pixels);
        Assert.Equal(expected.Pixels, edges.Pixels);
    }

    [Fact]
    public void Canny_marks_both_borders_of_a_bar_and_nothing_else()
    {
        byte[] pixels = new byte[8 * 5 * DiffusionImage.Channels];
        for (int y = 0; y < 5; y++)
            pixels.AsSpan(((y * 8) + 3) * DiffusionImage.Channels, 3 * DiffusionImage.Channels).Fill(255);
        DiffusionImage edges = ControlImage.Preprocess(new DiffusionImage(8, 5, pixels), ControlPreprocessor.Canny, cancellationToken: TestContext.Current.CancellationToken);
        for (int y = 0; y < 5; y++)
            Assert.Equal("..#..#..", string.Concat(Enumerable.Range(0, 8).Select(x => edges.Pixels[((y * 8) + x) * DiffusionImage.Channels] == 255 ? '#' : '.')));
    }

    [Fact]
    public void Preprocessing_ends_when_it_is_cancelled()
    {
        CancellationToken cancelled = new(canceled: true);
        Assert.ThrowsAny<OperationCanceledException>(() => CannyEdges.Find(Scene, cancellationToken: cancelled));
        Assert.ThrowsAny<OperationCanceledException>(() => ControlImage.Preprocess(Scene, ControlPreprocessor.Tile, cancellationToken: cancelled));
    }

    [Fact]
    public void Invert_is_its_own_opposite()
    {
        DiffusionImage inverted = ControlImage.Preprocess(Scene, ControlPreprocessor.Invert, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(255, inverted.Pixels[0] + Scene.Pixels[0]);
        Assert.Equal(Scene.Pixels, ControlImage.Preprocess(inverted, ControlPreprocessor.Invert, cancellationToken: TestContext.Current.CancellationToken).Pixels);
    }

    [Fact]
    public void Tile_keeps_the_size_and_takes_out_details()
    {
        // A board of single black and white pixels, of 37 to a row so that they alternate in both directions.
        byte[] pixels = new byte[37 * 24 * DiffusionImage.Channels];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = i / DiffusionImage.Channels % 2 == 0 ? (byte)0 : (byte)255;
        DiffusionImage coarse = ControlImage.Preprocess(new DiffusionImage(37, 24, pixels), ControlPreprocessor.Tile, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal((37, 24), (coarse.Width, coarse.Height));
        Assert.InRange(coarse.Pixels[((12 * 37) + 18) * DiffusionImage.Channels], 108, 148);
    }

    [Fact]
    public void The_tensor_holds_planes_of_0_to_1()
    {
        Tensor tensor = ControlImage.ToTensor(new DiffusionImage(2, 1, [0, 51, 255, 255, 0, 102]));
        Assert.Equal([1, 3, 1, 2], tensor.Shape);
        Assert.Equal([0f, 1f, 0.2f, 0f, 1f, 0.4f], tensor.Values);
    }
}
