namespace StableDiffusion.Adapters;

/// <summary>What a tensor of a LoRA is for.</summary>
internal enum LoraRole
{
    /// <summary>The factor [rank, in, ..] that comes first.</summary>
    Down,

    /// <summary>The factor [out, rank] that comes last.</summary>
    Up,

    /// <summary>The core [rank, rank, height, width] between the two, of a convolution in Tucker's form.</summary>
    Mid,

    /// <summary>The number that, over the rank, scales the change.</summary>
    Alpha,

    /// <summary>The lengths that DoRA gives the changed weight's rows or columns.</summary>
    Magnitude,

    /// <summary>The first LoHa product's left factor.</summary>
    Hada1A,

    /// <summary>The first LoHa product's right factor.</summary>
    Hada1B,

    /// <summary>The second LoHa product's left factor.</summary>
    Hada2A,

    /// <summary>The second LoHa product's right factor.</summary>
    Hada2B,

    /// <summary>The core of the first LoHa product.</summary>
    Hada1Core,

    /// <summary>The core of the second LoHa product.</summary>
    Hada2Core,

    /// <summary>LoKr's first matrix.</summary>
    Kron1,

    /// <summary>The left factor of LoKr's first matrix.</summary>
    Kron1A,

    /// <summary>The right factor of LoKr's first matrix.</summary>
    Kron1B,

    /// <summary>LoKr's second matrix.</summary>
    Kron2,

    /// <summary>The left factor of LoKr's second matrix.</summary>
    Kron2A,

    /// <summary>The right factor of LoKr's second matrix.</summary>
    Kron2B,

    /// <summary>The core of LoKr's second matrix.</summary>
    Kron2Core,

    /// <summary>The change of the weight as it is.</summary>
    Difference,

    /// <summary>The change of the bias as it is.</summary>
    BiasDifference,
}
