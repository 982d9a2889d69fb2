namespace StableDiffusion.Adapters;

/// <summary>The role of a tensor in a LoRA.</summary>
internal enum LoraRole
{
    /// <summary>The factor [rank, in, ..] that is applied first.</summary>
    Down,

    /// <summary>The factor [out, rank] that is applied last.</summary>
    Up,

    /// <summary>The core [rank, rank, height, width] between the two, for a convolution in Tucker form.</summary>
    Mid,

    /// <summary>The numerator of the scale of the change; the rank is the denominator.</summary>
    Alpha,

    /// <summary>The magnitudes that DoRA gives to the rows or columns of the changed weight.</summary>
    Magnitude,

    /// <summary>The left factor of the first LoHa product.</summary>
    Hada1A,

    /// <summary>The right factor of the first LoHa product.</summary>
    Hada1B,

    /// <summary>The left factor of the second LoHa product.</summary>
    Hada2A,

    /// <summary>The right factor of the second LoHa product.</summary>
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

    /// <summary>GLoRA's first factor of the matrix that mixes the inputs.</summary>
    GeneralA1,

    /// <summary>GLoRA's second factor of that matrix.</summary>
    GeneralA2,

    /// <summary>GLoRA's first factor of the matrix that is added.</summary>
    GeneralB1,

    /// <summary>GLoRA's second factor of that matrix.</summary>
    GeneralB2,

    /// <summary>IA3's factors of the outputs or inputs, as differences from 1.</summary>
    Factors,

    /// <summary>Whether IA3's factors are those of the inputs: 1 if so, 0 for the outputs.</summary>
    OnInput,

    /// <summary>The blocks that the rotations of OFT and BOFT are made of.</summary>
    Blocks,

    /// <summary>OFT's rotations themselves, as older files have them.</summary>
    Rotations,

    /// <summary>The values that the rotations of inputs are made of, in the OFT of PEFT.</summary>
    InputBlocks,

    /// <summary>The scales of the rows that OFT and BOFT rotated.</summary>
    RowScales,

    /// <summary>The whole change of the weight.</summary>
    Difference,

    /// <summary>The whole change of the bias.</summary>
    BiasDifference,

    /// <summary>The whole change of a norm's weight.</summary>
    NormDifference,

    /// <summary>The whole change of a norm's bias.</summary>
    NormBiasDifference,
}
