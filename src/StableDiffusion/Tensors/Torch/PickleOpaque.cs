namespace StableDiffusion.Tensors.Torch;

/// <summary>A value that no tensor depends on, such as bytes, a set or a NumPy number. Its contents are not kept.</summary>
internal sealed class PickleOpaque
{
    private PickleOpaque()
    {
    }

    public static PickleOpaque Instance { get; } = new();
}
