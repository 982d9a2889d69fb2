using StableDiffusion.Adapters;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Text;

public sealed class TextualInversionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("emb_params", "file", 3)]
    [InlineData("<cat-toy>", "<cat-toy>", 3)]
    [InlineData("string_to_param.*", "file", 3)]
    public void All_forms_of_files_give_their_word_and_vectors(string tensor, string name, int count)
    {
        TextualInversion word = Load((tensor, new Tensor(count, 8)));
        Assert.Equal((name, count), (word.Name, word.VectorCount));
        Assert.True(word.VectorsFor(isSecond: false, 8).HasShape(count, 8));
    }

    [Fact]
    public void A_single_vector_may_lie_without_an_axis_for_its_number() =>
        Assert.True(Load(("emb_params", new Tensor(8))).VectorsFor(isSecond: false, 8).HasShape(1, 8));

    [Fact]
    public void SDXLs_two_encoders_have_vectors_of_their_own()
    {
        TextualInversion word = Load(("clip_l", new Tensor(2, 8)), ("clip_g", new Tensor(2, 12)));
        Assert.True(word.VectorsFor(isSecond: false, 8).HasShape(2, 8));
        Assert.True(word.VectorsFor(isSecond: true, 12).HasShape(2, 12));
        Assert.Contains("8 and 12", Assert.Throws<AdapterInvalidException>(() => word.VectorsFor(isSecond: false, 12)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_are_no_embeddings_are_refused()
    {
        Assert.Throws<AdapterNotFoundException>(() => TextualInversionFile.Load(_folder["none.pt"]));
        Assert.Throws<AdapterInvalidException>(() => Load(("a", new Tensor(2, 8)), ("b", new Tensor(2, 8))));
        Assert.Throws<AdapterInvalidException>(() => Load(("emb_params", new Tensor(2, 8, 3))));
        Assert.Throws<AdapterInvalidException>(() => Load(("emb_params", new Tensor(400, 8))));
        Assert.Throws<AdapterInvalidException>(() => Load(("emb_params", new Tensor([float.NaN], 1, 1))));
        Assert.Throws<AdapterInvalidException>(() => Load(("emb_params", new Tensor([float.NegativeInfinity], 1, 1))));
        Assert.Contains("far beyond", Assert.Throws<AdapterInvalidException>(() => Load(("emb_params", new Tensor([-1e30f], 1, 1)))).Message, StringComparison.Ordinal);
        Assert.Throws<AdapterInvalidException>(() => Load(("clip_l", new Tensor(2, 8)), ("clip_g", new Tensor(3, 12))));
    }

    private TextualInversion Load(params (string Name, Tensor Tensor)[] tensors)
    {
        SafetensorsWriter.Write(_folder["file.safetensors"], tensors.ToDictionary(item => item.Name, item => item.Tensor));
        return TextualInversionFile.Load(_folder["file.safetensors"]);
    }
}
