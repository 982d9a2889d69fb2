using Google.Protobuf;
using StableDiffusion.Detecting;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;
using StableDiffusion.Tests.Library;
using StableDiffusion.Tests.Onnx;

namespace StableDiffusion.Tests.Detecting;

/// <summary>Graphs of others, the detector that ships with the engine, and masks that are made again from a record.</summary>
public sealed class DetectorTests : StoreCase
{
    /// <summary>Shapes and colors that the small model draws well; each prompt has the number of its shapes.</summary>
    private static readonly (string Prompt, string[] Labels)[] s_prompts =
    [
        ("a purple heart on white", ["purple"]), ("a red circle on white", ["red"]), ("a blue square on black", ["blue"]), ("a green star on yellow", ["green"]), ("an orange triangle on black", ["orange"]),
        ("a red star and a blue heart on white", ["red", "blue"]), ("a green circle and a red square on white", ["green", "red"]), ("a yellow ring on blue", ["yellow"]),
    ];

    [Fact]
    public void The_detector_that_ships_finds_the_shapes_of_the_small_model()
    {
        using ModelLease lease = ModelLibrary.Default.Open(device: Device.Cpu);
        DiffusionPipeline pipeline = new(lease.Model);
        using Detector detector = Library.OpenDetector("shapes", Device.Cpu, progress: null, Token);
        List<string> missed = [];
        int count = 0;
        foreach ((string prompt, string[] labels) in s_prompts)
        {
            TextToImage job = new(new TextToImageRequest { Options = new DenoiseOptions { Prompt = prompt, Seed = 10, Steps = 15 }, Count = 5 });
            foreach (DiffusionImage image in job.Run(pipeline, cancellationToken: Token))
            {
                count++;
                IReadOnlyList<DetectedRegion> regions = detector.Find(image, new DetectOptions(), Token);
                if (!regions.Select(static region => region.Label).Order().SequenceEqual(labels.Order()))
                    missed.Add($"{prompt} {image.Seed}: {string.Join(", ", regions)}");
            }
        }

        Assert.Equal(40, count);
        Assert.True(missed.Count <= 2, string.Join('\n', missed));
    }

    [Fact]
    public void The_detector_that_ships_finds_the_edges_of_shapes_to_the_pixel()
    {
        DiffusionImage image = Painted(64, 64, (250, 250, 250), (5, 7, 20, 30, (200, 30, 40)), (40, 33, 11, 22, (30, 80, 205)));

        IReadOnlyList<DetectedRegion> regions = Library.Detect(image, new DetectOptions { Order = RegionOrder.LeftToRight }, Device.Cpu, cancellationToken: Token);

        Assert.Equal([("red", 5, 7, 20, 30), ("blue", 40, 33, 11, 22)], regions.Select(static region => (region.Label, region.X, region.Y, region.Width, region.Height)));
        Assert.All(regions, static region => Assert.Equal((Detector.BuiltIn, false, 1), (region.Detector, region.HasOutline, region.Score)));
        Assert.Equal("blue", Assert.Single(Library.Detect(image, new DetectOptions { Order = RegionOrder.CenterToEdge, First = 1 }, Device.Cpu, cancellationToken: Token)).Label);
        Assert.Equal("red", Assert.Single(Library.Detect(image, new DetectOptions { Order = RegionOrder.Area, First = 1 }, Device.Cpu, cancellationToken: Token)).Label);
    }

    [Theory]
    [InlineData(128, 64)]
    [InlineData(60, 200)]
    public void Images_of_other_proportions_are_searched_too(int width, int height)
    {
        DiffusionImage image = Painted(width, height, (20, 20, 30), (width / 4, height / 4, width / 2, height / 2, (45, 158, 66)));

        DetectedRegion region = Assert.Single(Library.Detect(image, new DetectOptions(), Device.Cpu, cancellationToken: Token));

        Assert.Equal("green", region.Label);
        Assert.InRange(region.X, (width / 4) - 4, (width / 4) + 4);
        Assert.InRange(region.Y, (height / 4) - 4, (height / 4) + 4);
        Assert.InRange(region.Width, (width / 2) - 8, (width / 2) + 8);
        Assert.InRange(region.Area, 0.2, 0.3);
    }

    [Fact]
    public void A_background_without_shapes_has_no_region() => Assert.Empty(Library.Detect(Painted(64, 64, (240, 240, 240)), new DetectOptions(), Device.Cpu, cancellationToken: Token));

    [Theory]
    [InlineData(64, 64, 3, 0)]
    [InlineData(64, 64, 12, 1)]
    [InlineData(128, 64, 3, 0)]
    public void What_covers_nearly_the_whole_image_is_no_region(int width, int height, int border, int expected)
    {
        // A yellow scene with a dark edge, and shapes on it that are none by themselves.
        DiffusionImage image = Painted(width, height, (20, 20, 30), (border, border, width - (2 * border), height - (2 * border), (247, 209, 46)));

        IReadOnlyList<DetectedRegion> regions = Library.Detect(image, new DetectOptions(), Device.Cpu, cancellationToken: Token);

        Assert.Equal(expected, regions.Count);
        Assert.All(regions, static region => Assert.True(region.Area <= 0.8));
    }

    [Fact]
    public void Outlines_and_names_of_a_foreign_graph_are_read()
    {
        // One box with the weight 1 of the first map, which is positive in its left half.
        float[] boxes = new float[(4 + 2 + 32) * 60];
        (boxes[0], boxes[60], boxes[120], boxes[180], boxes[300], boxes[360]) = (16, 16, 20, 20, 0.9f, 10);
        float[] maps = new float[32 * 8 * 8];
        for (int i = 0; i < 64; i++)
            maps[i] = i % 8 < 4 ? 1 : -1;
        string path = Save("segments", [("boxes", boxes, [1, 38, 60]), ("maps", maps, [1, 32, 8, 8])], names: "{0: 'cat', 1: \"dog's nose\"}");

        DetectedRegion region = Assert.Single(Library.Detect(Painted(64, 64, (0, 0, 0)), new DetectOptions { Detector = "segments" }, Device.Cpu, cancellationToken: Token));

        Assert.Equal((1, "dog's nose", 12, 12, 40, 40, true), (region.Class, region.Label, region.X, region.Y, region.Width, region.Height, region.HasOutline));
        Assert.Equal(20 * 40, region.Mask.Pixels.Count(static value => value == 255));
        Assert.Equal(region.Mask.Pixels, RegionMask.From(Assert.Single(region.Mask.Origin())).Pixels);
        Assert.Empty(Library.Detect(Painted(64, 64, (0, 0, 0)), new DetectOptions { Detector = path, Confidence = 0.95 }, Device.Cpu, cancellationToken: Token));
    }

    [Theory]
    [InlineData("rows", "[1, 60, 6]")]
    [InlineData("flat", "output")]
    [InlineData("few", "[1, 4, 60]")]
    [InlineData("gray", "[1, 3, height, width]")]
    [InlineData("infinite", "not finite")]
    public void Graphs_that_are_no_detectors_are_named_with_what_they_lack(string kind, string expected)
    {
        string path = Save(kind, kind switch
        {
            "rows" => [("boxes", new float[360], [1, 60, 6])],
            "flat" => [("boxes", new float[360], [60, 6])],
            "few" => [("boxes", new float[240], [1, 4, 60])],
            "infinite" => [("boxes", [.. Enumerable.Repeat(float.NaN, 360)], [1, 6, 60])],
            _ => [("boxes", new float[360], [1, 6, 60])],
        }, channels: kind == "gray" ? 1 : 3);

        DiffusionException error = Assert.ThrowsAny<DiffusionException>(() => Library.Detect(Painted(32, 32, (0, 0, 0)), new DetectOptions { Detector = path }, Device.Cpu, cancellationToken: Token));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains(kind, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Detectors_that_do_not_exist_and_settings_out_of_range_are_errors()
    {
        DiffusionImage image = Painted(32, 32, (0, 0, 0));
        Save("there", [("boxes", new float[360], [1, 6, 60])]);
        Assert.Contains("there", Assert.Throws<DetectorNotFoundException>(() => Library.Detect(image, new DetectOptions { Detector = "face" }, Device.Cpu, cancellationToken: Token)).Message, StringComparison.Ordinal);
        Assert.Equal("Confidence", Assert.Throws<InvalidSettingException>(() => Library.Detect(image, new DetectOptions { Confidence = double.NaN }, cancellationToken: Token)).Setting);
        Assert.Equal("First", Assert.Throws<InvalidSettingException>(() => Library.Detect(image, new DetectOptions { First = 0 }, cancellationToken: Token)).Setting);
        Assert.Equal("Box", Assert.Throws<InvalidSettingException>(() => new DetectedRegion(image, 20, 0, 13, 1)).Setting);
        Assert.Equal("Box", Assert.Throws<InvalidSettingException>(() => new DetectedRegion(image, 0, 0, 0, 1)).Setting);
    }

    [Theory]
    [InlineData(null, "")]
    [InlineData("{}", "")]
    [InlineData("{0: 'face'}", "face")]
    [InlineData(" { 0 : 'a', 1:\"b\", } ", "a|b")]
    [InlineData("['a', 'it\\'s']", "a|it's")]
    [InlineData("{\"0\": \"json\"}", "json")]
    [InlineData("{0: 'a' 1: 'b'}", "")]
    [InlineData("{0: 'a', 0: 'b'}", "")]
    [InlineData("{0: 'a", "")]
    [InlineData("{0: 'a\\", "")]
    [InlineData("{99999999999: 'a'}", "")]
    [InlineData("{0: 'a\u001b[2Jb'}", "a?[2Jb")]
    [InlineData("nonsense", "")]
    public void Names_are_read_as_Python_writes_them(string? text, string expected) => Assert.Equal(expected, string.Join('|', DetectorLabels.Read(text).Values));

    [Theory]
    [InlineData(0, 1, "1")]
    [InlineData(2, 2, "1 2")]
    [InlineData(2, 2, "1 4")]
    [InlineData(2, 2, "-1 5")]
    [InlineData(2, 2, "")]
    [InlineData(2, 2, "1 x 3")]
    [InlineData(50_000, 50_000, "2500000000")]
    public void Damaged_masks_in_a_record_are_errors(int width, int height, string runs) => Assert.Throws<NotRepeatableException>(() => RegionMask.From(new StageList()
        .Append(StageOperation.RegionMask, "0", ("Width", (long)width), ("Height", (long)height), (RegionMask.RunsSetting, runs))[0]));

    private static DiffusionImage Painted(int width, int height, (byte R, byte G, byte B) background, params (int X, int Y, int Width, int Height, (byte R, byte G, byte B) Color)[] boxes)
    {
        byte[] pixels = new byte[width * height * 3];
        for (int i = 0; i < width * height; i++)
        {
            (byte r, byte g, byte b) = background;
            foreach (var box in boxes)
            {
                if (i % width >= box.X && i % width < box.X + box.Width && i / width >= box.Y && i / width < box.Y + box.Height)
                    (r, g, b) = box.Color;
            }

            (pixels[3 * i], pixels[(3 * i) + 1], pixels[(3 * i) + 2]) = (r, g, b);
        }

        return new DiffusionImage(width, height, pixels);
    }

    /// <summary>A graph that takes an image and returns constants.</summary>
    private string Save(string name, (string Name, float[] Values, long[] Shape)[] outputs, string? names = null, int channels = 3)
    {
        GraphProto graph = new() { Name = name };
        graph.Input.Add(Describe("images", [1, channels, 32, 32]));
        foreach ((string output, float[] values, long[] shape) in outputs)
        {
            TensorProto constant = new() { Name = output + "_values", DataType = TensorProto.Types.DataType.Float, RawData = ByteString.CopyFrom([.. values.SelectMany(BitConverter.GetBytes)]) };
            constant.Dims.AddRange(shape);
            graph.Initializer.Add(constant);

            // What does not depend on the image at all would be computed before.
            graph.Initializer.Add(new TensorProto { Name = output + "_axes", DataType = TensorProto.Types.DataType.Int64, Dims = { 4 }, RawData = ByteString.CopyFrom([.. new long[] { 0, 1, 2, 3 }.SelectMany(BitConverter.GetBytes)]) });
            NodeProto sum = new() { OpType = "ReduceSum", Input = { "images", output + "_axes" }, Output = { output + "_sum" } };
            sum.Attribute.Add(new AttributeProto { Name = "keepdims", I = 0, Type = AttributeProto.Types.AttributeType.Int });
            graph.Node.Add(sum);
            graph.Node.Add(new NodeProto { OpType = "Sub", Input = { output + "_sum", output + "_sum" }, Output = { output + "_zero" } });
            graph.Node.Add(new NodeProto { OpType = "Add", Input = { output + "_values", output + "_zero" }, Output = { output } });
            graph.Output.Add(Describe(output, shape));
        }

        ModelProto model = SmallGraph.Model(graph);
        if (names is not null)
            model.MetadataProps.Add(new StringStringEntryProto { Key = "names", Value = names });
        Directory.CreateDirectory(Folder["detectors"]);
        string path = Folder["detectors", $"{name}.onnx"];
        File.WriteAllBytes(path, model.ToByteArray());
        return path;
    }

    private static ValueInfoProto Describe(string name, long[] shape)
    {
        TensorShapeProto dimensions = new();
        foreach (long length in shape)
            dimensions.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = length });
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = TensorProto.Types.DataType.Float, Shape = dimensions } } };
    }
}
