using System.Text.Json.Nodes;
using StableDiffusion.Building;
using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Tests.Weights;

public sealed class ShardedWeightsTests : IDisposable
{
    private const string IndexName = "diffusion_pytorch_model.safetensors.index.json";
    private const string First = "diffusion_pytorch_model-00001-of-00002.safetensors";
    private const string Second = "diffusion_pytorch_model-00002-of-00002.safetensors";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_weights_of_all_files_are_read_as_one()
    {
        WriteShards();
        string index = WriteMap(("a.weight", First), ("b.weight", Second));

        using ShardedWeights weights = ShardedWeights.Open(index);

        float[] a = new float[1];
        float[] b = new float[3];
        weights.Read("a.weight", a, start: 1);
        weights.Read("b.weight", b);
        Assert.Equal([2], a);
        Assert.Equal([3, 4, 5], b);
        Assert.Equal([3], weights.FindShape("b.weight"));
        Assert.Null(weights.FindShape("c.weight"));
        Assert.Equal(index, weights.Source);
        Assert.Equal(_folder[Second], ((IWeights)weights).SourceOf("b.weight"));
        Assert.Throws<ModelInvalidException>(() => weights.Read("c.weight", a));
    }

    [Theory]
    [InlineData("diffusion_pytorch_model", true)]
    [InlineData("model", false)]
    public void Beside_one_file_of_all_weights_an_index_is_what_diffusers_loads_and_transformers_does_not(string stem, bool isIndex)
    {
        string file = _folder[$"{stem}.safetensors"], index = _folder[$"{stem}.safetensors.index.json"];
        File.WriteAllText(file, string.Empty);
        Assert.Equal(file, FolderWeights.Find(_folder.Path, string.Empty, stem));
        File.WriteAllText(index, string.Empty);
        Assert.Equal(isIndex ? index : file, FolderWeights.Find(_folder.Path, string.Empty, stem));
        File.Delete(file);
        Assert.Equal(index, FolderWeights.Find(_folder.Path, string.Empty, stem));
    }

    /// <summary>Weights of 8 bits without their scales make noise.</summary>
    [Theory]
    [InlineData("a.weight_scale")]
    [InlineData("a.weight_scale_inv")]
    [InlineData("a.scale_weight")]
    [InlineData("a.comfy_quant")]
    [InlineData("scaled_fp8")]
    public void Weights_with_scales_are_refused_wherever_the_scale_is(string scale)
    {
        WriteShards();
        SafetensorsWriter.Change(_folder[Second], tensors => tensors.Add(scale, new Tensor([2])));

        using (ShardedWeights weights = ShardedWeights.Open(WriteMap(("a.weight", First), ("b.weight", Second), (scale, Second))))
            AssertRefused(() => weights.FindShape("a.weight"));
        using (ShardedWeights weights = ShardedWeights.Open(WriteMap(("a.weight", First), ("b.weight", Second))))
            AssertRefused(() => weights.FindShape("a.weight"));

        SafetensorsWriter.Change(_folder[First], tensors => tensors.Add(scale, new Tensor([2])));
        using SafetensorsFile file = SafetensorsFile.Open(_folder[First]);
        AssertRefused(() => new FileWeights(file).FindShape("a.weight"));
        Assert.Throws<ModelInvalidException>(() => Checkpoint.Open(file));

        void AssertRefused(Func<object?> find) => Assert.Contains($"'{scale}'", Assert.Throws<ModelInvalidException>(find).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_the_map_does_not_name_for_a_tensor_is_not_asked_for_it()
    {
        WriteShards();

        using ShardedWeights weights = ShardedWeights.Open(WriteMap(("a.weight", First)));

        Assert.Null(weights.FindShape("b.weight"));
    }

    [Theory]
    [InlineData("../secret.safetensors")]
    [InlineData("sub/part.safetensors")]
    [InlineData("..\\secret.safetensors")]
    [InlineData("/etc/part.safetensors")]
    [InlineData("C:part.safetensors")]
    [InlineData("part.bin")]
    [InlineData("")]
    public void A_file_outside_the_folder_or_of_another_kind_is_refused(string file)
    {
        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => ShardedWeights.Open(WriteMap(("a.weight", file))));

        Assert.Contains("which is not the name of a .safetensors file in the same folder", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"weight_map": {}}""")]
    [InlineData("""{"weight_map": ["a"]}""")]
    [InlineData("""{"weight_map": {"a": 1}}""")]
    [InlineData("""{"weight_map": {"a": "\ud800.safetensors"}}""")]
    [InlineData("""{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}""")]
    public void A_damaged_list_is_refused(string json) =>
        Assert.Throws<ModelInvalidException>(() => ShardIndex.Read(WriteIndex(json)));

    [Fact]
    public void A_missing_list_or_file_is_named()
    {
        WriteShards();
        string index = WriteMap(("a.weight", First), ("c.weight", "part-3.safetensors"));

        Assert.Contains("part-3.safetensors", Assert.Throws<ModelNotFoundException>(() => ShardedWeights.Open(index)).Message, StringComparison.Ordinal);
        Assert.Throws<ModelNotFoundException>(() => ShardedWeights.Open(_folder["none.json"]));
    }

    [Fact]
    public void A_file_that_lacks_what_the_map_says_is_refused_and_let_go()
    {
        WriteShards();
        string index = WriteMap(("a.weight", Second), ("b.weight", Second));

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => ShardedWeights.Open(index));

        Assert.Contains("'a.weight'", error.Message, StringComparison.Ordinal);
        Assert.Contains(Second, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_of_lists_come_with_the_variant_at_either_place() => Assert.Equal(
        [IndexName, "diffusion_pytorch_model.safetensors.index.fp16.json", "diffusion_pytorch_model.fp16.safetensors.index.json"],
        ShardIndex.NamesFor("diffusion_pytorch_model"));

    private void WriteShards()
    {
        SafetensorsWriter.Write(_folder[First], new Dictionary<string, Tensor> { ["a.weight"] = new([1, 2], 2) });
        SafetensorsWriter.Write(_folder[Second], new Dictionary<string, Tensor> { ["b.weight"] = new([3, 4, 5], 3) });
    }

    private string WriteMap(params (string Name, string File)[] map)
    {
        JsonObject files = [];
        foreach ((string name, string file) in map)
            files[name] = file;
        return WriteIndex(new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = 20 }, ["weight_map"] = files }.ToJsonString());
    }

    private string WriteIndex(string json)
    {
        string path = _folder[IndexName];
        File.WriteAllText(path, json);
        return path;
    }
}
