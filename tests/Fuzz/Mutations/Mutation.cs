namespace StableDiffusion.Fuzz.Mutations;

/// <summary>Changes a case.</summary>
/// <param name="data">The case, which is not changed itself.</param>
/// <param name="random">Decides what is changed; the same numbers make the same change.</param>
/// <returns>The changed case; the same if there is nothing to change.</returns>
internal delegate byte[] Mutation(byte[] data, Random random);
