namespace StableDiffusion.Tensors.Torch;

/// <summary>What the reader makes of a function or class that a pickle names.</summary>
internal enum PickleGlobalKind
{
    /// <summary><c>collections.OrderedDict</c>.</summary>
    OrderedDictionary,

    /// <summary><c>torch.nn.ParameterDict</c>, which holds the vectors of textual inversion's own files.</summary>
    ParameterDictionary,

    /// <summary>A function that puts a tensor together, whose values have the storage's type.</summary>
    Tensor,

    /// <summary>The like with the type as an argument.</summary>
    TypedTensor,

    /// <summary>A function that makes a trainable parameter of a tensor.</summary>
    Parameter,

    /// <summary>A class of storages.</summary>
    Storage,

    /// <summary>A type of values.</summary>
    ElementType,

    /// <summary><c>torch.Size</c>, a tuple.</summary>
    Size,

    /// <summary>Something whose calls give a value that no tensor depends on; it is not kept.</summary>
    OpaqueCall,

    /// <summary>A class that is only mentioned.</summary>
    OpaqueName,
}
