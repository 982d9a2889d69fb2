using StableDiffusion.Images;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Library;
using StableDiffusion.Tests.Onnx;
using StableDiffusion.Upscaling;

namespace StableDiffusion.Tests.Upscaling;

/// <summary>Graphs of others, files that are no upscalers, and settings that no image can be enlarged with.</summary>
public sealed class UpscalerTests : StoreCase
{
    private const string Weights = "realesrgan-4x.safetensors";

    /// <summary>Whatever the size, the tiles and the seams: a network that changes nothing gives the image.</summary>
    [Fact]
    public void A_graph_that_changes_nothing_gives_the_same_image_in_tiles()
    {
        using Upscaler upscaler = UpscalerReference.Open(SaveGraph("same", Operator("Identity")), Folder["cache"]);
        Assert.Equal(1, upscaler.Scale);
        Random random = new(3);
        for (int i = 0; i < 30; i++)
        {
            DiffusionImage image = Noise(8 * random.Next(1, 12), 8 * random.Next(1, 12), random.Next());
            int size = random.Next(16, 50);

            DiffusionImage same = ImageUpscaling.Run(image, upscaler, new UpscaleOptions { Scale = 1, TileSize = size, TileOverlap = random.Next(0, size / 2) }, progress: null, Token);

            Assert.Equal(image.Pixels, same.Pixels);
        }
    }

    [Fact]
    public void A_graph_of_any_kind_says_its_scale_by_what_it_makes()
    {
        NodeProto node = SmallGraph.Node("Resize", "x", "", "scales");
        node.Attribute.Add(new AttributeProto { Name = "mode", S = Google.Protobuf.ByteString.CopyFromUtf8("nearest"), Type = AttributeProto.Types.AttributeType.String });
        node.Attribute.Add(new AttributeProto { Name = "coordinate_transformation_mode", S = Google.Protobuf.ByteString.CopyFromUtf8("asymmetric"), Type = AttributeProto.Types.AttributeType.String });
        node.Attribute.Add(new AttributeProto { Name = "nearest_mode", S = Google.Protobuf.ByteString.CopyFromUtf8("floor"), Type = AttributeProto.Types.AttributeType.String });
        GraphProto graph = Operator(node);
        graph.Initializer.Add(new TensorProto { Name = "scales", DataType = TensorProto.Types.DataType.Float, Dims = { 4 }, RawData = Google.Protobuf.ByteString.CopyFrom([.. new[] { 1f, 1, 3, 3 }.SelectMany(BitConverter.GetBytes)]) });
        string path = SaveGraph("three", graph);
        using Upscaler upscaler = UpscalerReference.Open(path, Folder["cache"]);
        Assert.Equal(3, upscaler.Scale);

        DiffusionImage image = Noise(40, 24, 1);
        Assert.Equal(
            ImageUpscaling.Run(image, ResampleFilter.Nearest, new UpscaleOptions { Scale = 3 }, Token).Pixels,
            Library.Upscale(image, new UpscaleOptions { Upscaler = path, Scale = 3, TileSize = 16 }, cancellationToken: Token).Pixels);
    }

    [Fact]
    public void A_graph_may_have_its_weights_in_a_file_beside_it()
    {
        GraphProto graph = Operator(SmallGraph.Node("Mul", "x", "weight"));
        graph.Initializer.Add(SmallGraph.External("weight", "weights.bin"));
        string path = SaveGraph("half", graph);
        File.WriteAllBytes(Folder["graphs", "weights.bin"], BitConverter.GetBytes(0.5f));
        using Upscaler upscaler = UpscalerReference.Open(path, Folder["cache"]);

        // The files were copied: what becomes of them does not matter any more.
        File.WriteAllBytes(Folder["graphs", "weights.bin"], []);
        Assert.All(upscaler.Run([.. Enumerable.Repeat((byte)200, 16 * 16 * 3)], 16, 16, Token), static value => Assert.Equal(100, value));

        File.Delete(Folder["graphs", "weights.bin"]);
        Assert.Contains("weights.bin", Assert.ThrowsAny<DiffusionException>(() => UpscalerReference.Open(path, Folder["other cache"])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("two inputs")]
    [InlineData("a fixed size")]
    [InlineData("smaller")]
    [InlineData("no image")]
    public void A_graph_that_is_no_upscaler_is_refused(string kind)
    {
        GraphProto graph = Operator(kind == "smaller" ? "GlobalAveragePool" : "Identity");
        if (kind == "two inputs")
            graph.Input.Add(SmallGraph.Value("other", 1, 3, 0, 0));
        if (kind == "a fixed size")
            graph.Input[0] = SmallGraph.Value("x", 1, 3, 128, 128);
        if (kind == "no image")
            graph.Input[0] = SmallGraph.Value("x", 1, 3);
        string path = SaveGraph(kind, graph);

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => UpscalerReference.Open(path, Folder["cache"]));
        Assert.Contains($"{kind}.onnx", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("body.1.rdb2.conv3.weight", "is incomplete|has no tensor")]
    [InlineData("conv_hr.bias", "has no tensor")]
    [InlineData("conv_first.weight", "does not contain an upscaler")]
    public void A_file_that_lacks_a_layer_is_refused(string missing, string message) =>
        Assert.Matches(message, Refuse(tensors => Assert.True(tensors.Remove(missing))).Message);

    [Theory]
    [InlineData("conv_first.weight", 16, 5, 3, 3, "takes 5 channels")]
    [InlineData("conv_last.weight", 4, 16, 3, 3, "conv_last.weight")]
    [InlineData("conv1x1.weight", 16, 16, 1, 1, "'conv1x1.weight'")]
    [InlineData("body.5.rdb1.conv1.weight", 8, 16, 3, 3, "layers between others are missing")]
    [InlineData("conv_up5.weight", 16, 16, 3, 3, "layers between others are missing")]
    public void A_file_with_another_layer_is_refused(string name, int first, int second, int third, int fourth, string message) =>
        Assert.Contains(message, Refuse(tensors => tensors[name] = new Tensor(first, second, third, fourth)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_compact_file_without_slopes_or_with_channels_that_are_no_square_is_refused()
    {
        Assert.Contains("PReLU", Refuse(static tensors => tensors["body.1.weight"] = new Tensor(16, 16, 3, 3), "compact-2x.safetensors").Message, StringComparison.Ordinal);
        Assert.Contains("three times the square", Refuse(static tensors => tensors["body.10.weight"] = new Tensor(9, 16, 3, 3), "compact-2x.safetensors").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Values_that_are_not_finite_are_an_error()
    {
        string path = Changed(static tensors =>
        {
            tensors["conv_hr.bias"].Span.Fill(float.MaxValue);
            tensors["conv_last.weight"].Span.Fill(float.MaxValue);
        });
        using Upscaler upscaler = UpscalerReference.Open(path, Folder["cache"]);
        Assert.Throws<InferenceException>(() => upscaler.Run(new byte[8 * 8 * 3], 8, 8, Token));
    }

    [Fact]
    public void What_would_need_too_much_memory_is_refused_before_any_work()
    {
        using Upscaler upscaler = UpscalerReference.Open(UpscalerReference.File(Weights), Folder["cache"]);

        // 2900x2900 pixels become 11600x11600 on the way to 3200x3200.
        DiffusionImage large = new(2900, 2900, new byte[2900 * 2900 * 3]);
        Assert.Equal("Upscaler", Assert.Throws<InvalidSettingException>(() => ImageUpscaling.Run(large, upscaler, new UpscaleOptions { Width = 3200 }, progress: null, Token)).Setting);
        Assert.Equal("Scale", Assert.Throws<InvalidSettingException>(() => Library.Upscale(large, new UpscaleOptions { Upscaler = "not opened", Scale = 100 }, cancellationToken: Token)).Setting);

        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => upscaler.CheckMemory(60_000, 60_000));
        Assert.Equal("TileSize", error.Setting);
        Assert.Contains("STABLEDIFFUSION_MAX_MEMORY_MB", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Upscalers_have_names_in_a_folder_of_their_own()
    {
        Directory.CreateDirectory(Folder["upscalers", "folder"]);
        File.WriteAllText(Folder["upscalers", "folder", "config.json"], "{}");
        File.WriteAllText(Folder["upscalers", "notes.txt"], string.Empty);
        foreach (string file in (string[])["compact-2x.safetensors", "esrgan-old-4x.pth"])
            File.Copy(UpscalerReference.File(file), Folder["upscalers", file]);
        SaveGraph("graph", Operator("Identity"), "upscalers");

        Assert.Equal(["compact-2x", "esrgan-old-4x", "graph"], Library.Upscalers.List());
        DiffusionImage image = Library.Upscale(Noise(16, 16, 1), new UpscaleOptions { Upscaler = "compact-2x.safetensors", Scale = 2 }, cancellationToken: Token);
        GenerationStage stage = image.Stages![^1];
        Assert.Equal((StageOperation.Upscale, "compact-2x"), (stage.Operation, stage.Text("Upscaler")));
        Assert.Equal(Library.IdentifyUpscaler("compact-2x", Token), stage.Text(ImageUpscaling.HashSetting));
        Assert.Matches("^[0-9a-f]{10}$", stage.Text(ImageUpscaling.HashSetting)!);

        UpscalerNotFoundException error = Assert.Throws<UpscalerNotFoundException>(() => Library.Upscale(image, new UpscaleOptions { Upscaler = "nope", Scale = 2 }, cancellationToken: Token));
        Assert.Contains("holds compact-2x, esrgan-old-4x, graph", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("realesrgan-4x.pth")]
    [InlineData("bsrgan-4x.safetensors")]
    [InlineData("esrgan-old-8x.safetensors")]
    [InlineData("compact-1x.safetensors")]
    public void An_import_says_where_an_upscaler_belongs(string file) =>
        Assert.Contains("is an upscaler, not a complete model. Put it into the folder of upscalers", Assert.Throws<ModelInvalidException>(() => Import(UpscalerReference.File(file), "name")).Message, StringComparison.Ordinal);

    [Fact]
    public void An_image_that_keeps_its_size_has_pixels_of_its_own()
    {
        DiffusionImage image = Noise(16, 8, 1), same = ImageUpscaling.Run(image, ResampleFilter.Lanczos, new UpscaleOptions { Scale = 1 }, Token);
        Assert.Equal(image.Pixels, same.Pixels);
        Assert.NotSame(image.Pixels, same.Pixels);
    }

    [Fact]
    public void The_record_of_an_enlarged_image_has_what_is_not_the_default()
    {
        DiffusionImage image = ImageUpscaling.Run(Noise(16, 8, 1), ResampleFilter.Bicubic, new UpscaleOptions { Width = 30, Height = 30, ResizeMode = ResizeMode.Pad }, Token);
        Assert.Equal("Upscale (Upscaler 'Bicubic', Width 30, Height 30, ResizeMode 'Pad')", image.Stages![^1].ToString());
        Assert.Equal(new UpscaleOptions { Upscaler = "Bicubic", Width = 30, Height = 30, ResizeMode = ResizeMode.Pad }, ImageUpscaling.OptionsOf(image.Stages[^1]));
        Assert.Equal((30, 30), (image.Width, image.Height));
        Assert.All(Enumerable.Range(0, 30 * 7 * 3), i => Assert.Equal(0, image.Pixels[i]));
    }

    private ModelInvalidException Refuse(Action<Dictionary<string, Tensor>> change, string file = Weights)
    {
        string path = Changed(change, file);
        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => UpscalerReference.Open(path, Folder["cache"]));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        return error;
    }

    private string Changed(Action<Dictionary<string, Tensor>> change, string file = Weights)
    {
        string path = Folder["changed.safetensors"];
        File.Copy(UpscalerReference.File(file), path, overwrite: true);
        SafetensorsWriter.Change(path, change);
        return path;
    }

    private string SaveGraph(string name, GraphProto graph, string folder = "graphs") => SmallGraph.Save(Folder[folder, $"{name}.onnx"], graph);

    private static GraphProto Operator(string name) => Operator(SmallGraph.Node(name, "x"));

    private static GraphProto Operator(NodeProto node)
    {
        node.Output.Clear();
        return SmallGraph.Of([SmallGraph.Value("x", 1, 3, 0, 0)], (SmallGraph.Value("y", 1, 3, 0, 0), node));
    }

    private static DiffusionImage Noise(int width, int height, int seed)
    {
        byte[] pixels = new byte[width * height * 3];
        new Random(seed).NextBytes(pixels);
        return new DiffusionImage(width, height, pixels);
    }
}
