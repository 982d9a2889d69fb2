using System.Text.Json;
using StableDiffusion.Detecting;
using StableDiffusion.Images;
using StableDiffusion.Images.Masks;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Detecting;

/// <summary>What torch 1.13.1, torchvision 0.14.1 and OpenCV 4.6 computed: <c>tests/data/detection/detection.json</c>.</summary>
public sealed class DetectionReferenceTests
{
    private static readonly Lazy<JsonElement> s_root = new(static () => JsonDocument.Parse(File.ReadAllText(Repository.Data("detection", "detection.json"))).RootElement);

    public static TheoryData<int> Letterboxes => Indices("letterbox");

    public static TheoryData<int> Suppressions => Indices("nms");

    public static TheoryData<int> Morphologies => Indices("morphology");

    public static TheoryData<int> Outlines => Indices("outline");

    [Theory]
    [MemberData(nameof(Letterboxes))]
    public void An_image_is_brought_to_the_size_of_the_network_to_the_byte(int index)
    {
        JsonElement item = s_root.Value.GetProperty("letterbox")[index];
        (int width, int height) = (item.GetProperty("toWidth").GetInt32(), item.GetProperty("toHeight").GetInt32());
        DiffusionImage image = new(item.GetProperty("width").GetInt32(), item.GetProperty("height").GetInt32(), Bytes(item, "image"));

        Tensor result = new Letterbox(image.Width, image.Height, width, height).Apply(image);

        byte[] pixels = new byte[width * height * DiffusionImage.Channels];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)MathF.Round(result.Values[(i % 3 * width * height) + (i / 3)] * byte.MaxValue);
        Assert.Equal(Bytes(item, "result"), pixels);
    }

    [Theory]
    [MemberData(nameof(Suppressions))]
    public void Boxes_that_overlap_are_dropped_as_in_torchvision(int index)
    {
        JsonElement item = s_root.Value.GetProperty("nms")[index];
        Tensor boxes = new(Floats(item, "values"), 1, 7, item.GetProperty("count").GetInt32());

        List<Detection> kept = Detection.Suppress(Detector.Decode(boxes, classes: 3, confidence: 0.3f), overlap: 0.7f, TestContext.Current.CancellationToken);

        Assert.Equal(item.GetProperty("kept").EnumerateArray().Select(static value => value.GetInt32()), kept.Select(static box => box.Anchor));
        Assert.Equal(item.GetProperty("classes").EnumerateArray().Select(static value => value.GetInt32()), kept.Select(static box => box.Class));
    }

    [Theory]
    [MemberData(nameof(Morphologies))]
    public void Masks_grow_and_shrink_as_in_OpenCV(int index)
    {
        JsonElement item = s_root.Value.GetProperty("morphology")[index];
        Assert.Equal(
            Bytes(item, "result"),
            MaskMorphology.Dilate(Bytes(item, "mask"), item.GetProperty("width").GetInt32(), item.GetProperty("height").GetInt32(), item.GetProperty("size").GetInt32()));
    }

    [Theory]
    [MemberData(nameof(Outlines))]
    public void An_outline_is_that_of_torch(int index)
    {
        JsonElement item = s_root.Value.GetProperty("outline")[index];
        (int width, int height) = (item.GetProperty("width").GetInt32(), item.GetProperty("height").GetInt32());
        Tensor maps = new(Floats(item, "maps"), 1, 32, item.GetProperty("mapHeight").GetInt32(), item.GetProperty("mapWidth").GetInt32());
        double[] box = [.. item.GetProperty("box").EnumerateArray().Select(static value => value.GetDouble())];
        (int left, int top) = ((int)box[0], (int)box[1]);
        (int inWidth, int inHeight) = ((int)Math.Ceiling(box[2]) - left, (int)Math.Ceiling(box[3]) - top);

        byte[] inside = new OutlineMap(maps, Floats(item, "weights"), width, height).Crop(box[0], box[1], box[2], box[3], left, top, inWidth, inHeight, threshold: 0.5f, TestContext.Current.CancellationToken);

        Assert.Equal(Bytes(item, "mask"), RegionMask.OfBox(width, height, left, top, inWidth, inHeight, RegionMask.WhiteRuns(inside)).Pixels);
    }

    private static TheoryData<int> Indices(string kind) => [.. Enumerable.Range(0, s_root.Value.GetProperty(kind).GetArrayLength())];

    private static byte[] Bytes(JsonElement item, string name) => Convert.FromHexString(item.GetProperty(name).GetString()!);

    private static float[] Floats(JsonElement item, string name) => [.. item.GetProperty(name).EnumerateArray().Select(static value => value.GetSingle())];
}
