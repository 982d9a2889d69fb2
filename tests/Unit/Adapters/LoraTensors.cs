using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Adapters;

/// <summary>Tensors of a LoRA to be, of small random values.</summary>
internal sealed class LoraTensors
{
    private readonly Random _random = new(17);
    private readonly Dictionary<string, Tensor> _tensors = [];

    public float[] Add(string name, params int[] shape)
    {
        Tensor tensor = new(shape);
        for (int i = 0; i < tensor.Length; i++)
            tensor.Values[i] = (float)(_random.NextDouble() - 0.5);
        _tensors.Add(name, tensor);
        return tensor.Values;
    }

    public void AddNumber(string name, float value) => _tensors.Add(name, new Tensor([value]));

    public string Save(TemporaryFolder folder, string name = "test.safetensors", IReadOnlyDictionary<string, string>? metadata = null)
    {
        SafetensorsWriter.Write(folder[name], _tensors, metadata);
        return folder[name];
    }
}
