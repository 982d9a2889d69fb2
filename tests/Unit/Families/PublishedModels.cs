namespace StableDiffusion.Tests.Families;

/// <summary>
/// The tensors of the published models, as the latent diffusion code names them: it puts its blocks one after
/// another into a list, and so does this.
/// </summary>
internal static class PublishedModels
{
    private const string UNet = "model.diffusion_model";

    public static ShapeFile Sd1(string name = "model.safetensors", int inChannels = 4)
    {
        ShapeFile file = new(name);
        AddUNet(file, inChannels, [320, 640, 1280, 1280], [1, 1, 1, 0], middleDepth: 1, textWidth: 768, linear: false);
        AddClip(file, "cond_stage_model.transformer.text_model", 768, layers: 12);
        AddVae(file);
        return file;
    }

    public static ShapeFile Sd2(string name = "model.safetensors", int inChannels = 4, int layers = 24)
    {
        ShapeFile file = new(name);
        AddUNet(file, inChannels, [320, 640, 1280, 1280], [1, 1, 1, 0], middleDepth: 1, textWidth: 1024, linear: true);
        AddOpenClip(file, "cond_stage_model.model", 1024, layers);
        AddVae(file);
        return file;
    }

    public static ShapeFile Xl(string name = "model.safetensors", int inChannels = 4)
    {
        ShapeFile file = new(name);
        AddUNet(file, inChannels, [320, 640, 1280], [0, 2, 10], middleDepth: 10, textWidth: 2048, linear: true, labelWidth: 2816);
        AddClip(file, "conditioner.embedders.0.transformer.text_model", 768, layers: 12);
        AddOpenClip(file, "conditioner.embedders.1.model", 1280, layers: 32);
        AddVae(file);
        return file;
    }

    public static ShapeFile Refiner()
    {
        ShapeFile file = new();
        AddUNet(file, 4, [384, 768, 1536, 1536], [0, 4, 4, 0], middleDepth: 4, textWidth: 1280, linear: true, labelWidth: 2560);
        AddOpenClip(file, "conditioner.embedders.0.model", 1280, layers: 32);
        AddVae(file);
        return file;
    }

    /// <summary>The autoencoder of all of them alone, as diffusers names its tensors.</summary>
    public static ShapeFile Vae()
    {
        ShapeFile file = new();
        int[] channels = [128, 256, 512, 512];
        file.AddLayer("quant_conv", 8, 8, 1, 1).AddLayer("post_quant_conv", 4, 4, 1, 1);
        file.AddLayer("encoder.conv_in", 128, 3, 3, 3).AddLayer("decoder.conv_in", 512, 4, 3, 3);
        for (int level = 0; level < channels.Length; level++)
        {
            string down = $"encoder.down_blocks.{level}", up = $"decoder.up_blocks.{level}";
            int upWidth = channels[^(level + 1)];
            for (int i = 0; i < 2; i++)
                AddVaeResnet(file, $"{down}.resnets.{i}", i == 0 ? channels[Math.Max(level - 1, 0)] : channels[level], channels[level], "conv_shortcut");
            for (int i = 0; i < 3; i++)
                AddVaeResnet(file, $"{up}.resnets.{i}", i == 0 ? channels[^Math.Max(level, 1)] : upWidth, upWidth, "conv_shortcut");
            if (level < channels.Length - 1)
                file.AddLayer($"{down}.downsamplers.0.conv", channels[level], channels[level], 3, 3).AddLayer($"{up}.upsamplers.0.conv", upWidth, upWidth, 3, 3);
        }

        foreach (string half in new[] { "encoder", "decoder" })
        {
            AddVaeResnet(file, $"{half}.mid_block.resnets.0", 512, 512);
            AddVaeResnet(file, $"{half}.mid_block.resnets.1", 512, 512);
            file.AddLayer($"{half}.mid_block.attentions.0.group_norm", 512);
            foreach (string name in new[] { "to_q", "to_k", "to_v", "to_out.0" })
                file.AddLayer($"{half}.mid_block.attentions.0.{name}", 512, 512);
        }

        file.AddLayer("encoder.conv_norm_out", 512).AddLayer("encoder.conv_out", 8, 512, 3, 3);
        return file.AddLayer("decoder.conv_norm_out", 128).AddLayer("decoder.conv_out", 3, 128, 3, 3);
    }

    private static void AddUNet(
        ShapeFile file, int inChannels, int[] channels, int[] depths, int middleDepth, int textWidth, bool linear, int labelWidth = 0)
    {
        const int Layers = 2;
        int width = channels[0];
        int timeWidth = 4 * width;
        file.AddLayer($"{UNet}.time_embed.0", timeWidth, width).AddLayer($"{UNet}.time_embed.2", timeWidth, timeWidth);
        if (labelWidth > 0)
            file.AddLayer($"{UNet}.label_emb.0.0", timeWidth, labelWidth).AddLayer($"{UNet}.label_emb.0.2", timeWidth, timeWidth);

        file.AddLayer($"{UNet}.input_blocks.0.0", width, inChannels, 3, 3);
        Stack<int> skips = new([width]);
        int block = 1;
        for (int level = 0; level < channels.Length; level++)
        {
            for (int i = 0; i < Layers; i++, block++)
            {
                AddResnet(file, $"{UNet}.input_blocks.{block}.0", width, channels[level], timeWidth);
                width = channels[level];
                if (depths[level] > 0)
                    AddTransformer(file, $"{UNet}.input_blocks.{block}.1", width, textWidth, depths[level], linear);
                skips.Push(width);
            }

            if (level < channels.Length - 1)
            {
                file.AddLayer($"{UNet}.input_blocks.{block++}.0.op", width, width, 3, 3);
                skips.Push(width);
            }
        }

        AddResnet(file, $"{UNet}.middle_block.0", width, width, timeWidth);
        AddTransformer(file, $"{UNet}.middle_block.1", width, textWidth, middleDepth, linear);
        AddResnet(file, $"{UNet}.middle_block.2", width, width, timeWidth);

        block = 0;
        for (int level = channels.Length - 1; level >= 0; level--)
        {
            for (int i = 0; i <= Layers; i++, block++)
            {
                int part = 1;
                AddResnet(file, $"{UNet}.output_blocks.{block}.0", width + skips.Pop(), channels[level], timeWidth);
                width = channels[level];
                if (depths[level] > 0)
                    AddTransformer(file, $"{UNet}.output_blocks.{block}.{part++}", width, textWidth, depths[level], linear);
                if (level > 0 && i == Layers)
                    file.AddLayer($"{UNet}.output_blocks.{block}.{part}.conv", width, width, 3, 3);
            }
        }

        file.AddLayer($"{UNet}.out.0", width).AddLayer($"{UNet}.out.2", 4, width, 3, 3);
    }

    private static void AddResnet(ShapeFile file, string path, int inWidth, int width, int timeWidth)
    {
        file.AddLayer($"{path}.in_layers.0", inWidth).AddLayer($"{path}.in_layers.2", width, inWidth, 3, 3);
        file.AddLayer($"{path}.emb_layers.1", width, timeWidth);
        file.AddLayer($"{path}.out_layers.0", width).AddLayer($"{path}.out_layers.3", width, width, 3, 3);
        if (inWidth != width)
            file.AddLayer($"{path}.skip_connection", width, inWidth, 1, 1);
    }

    private static void AddTransformer(ShapeFile file, string path, int width, int textWidth, int depth, bool linear)
    {
        long[] projection = linear ? [width, width] : [width, width, 1, 1];
        file.AddLayer($"{path}.norm", width).AddLayer($"{path}.proj_in", projection).AddLayer($"{path}.proj_out", projection);
        for (int i = 0; i < depth; i++)
        {
            string block = $"{path}.transformer_blocks.{i}";
            foreach ((string attention, int context) in new[] { ("attn1", width), ("attn2", textWidth) })
            {
                file.Add($"{block}.{attention}.to_q.weight", width, width).Add($"{block}.{attention}.to_k.weight", width, context);
                file.Add($"{block}.{attention}.to_v.weight", width, context).AddLayer($"{block}.{attention}.to_out.0", width, width);
            }

            file.AddLayer($"{block}.norm1", width).AddLayer($"{block}.norm2", width).AddLayer($"{block}.norm3", width);
            file.AddLayer($"{block}.ff.net.0.proj", 8 * width, width).AddLayer($"{block}.ff.net.2", width, 4 * width);
        }
    }

    private static void AddClip(ShapeFile file, string path, int width, int layers)
    {
        file.Add($"{path}.embeddings.position_ids", 1, 77).Add($"{path}.embeddings.token_embedding.weight", 49408, width);
        file.Add($"{path}.embeddings.position_embedding.weight", 77, width).AddLayer($"{path}.final_layer_norm", width);
        for (int i = 0; i < layers; i++)
        {
            string layer = $"{path}.encoder.layers.{i}";
            file.AddLayer($"{layer}.layer_norm1", width).AddLayer($"{layer}.layer_norm2", width);
            foreach (string name in new[] { "q_proj", "k_proj", "v_proj", "out_proj" })
                file.AddLayer($"{layer}.self_attn.{name}", width, width);
            file.AddLayer($"{layer}.mlp.fc1", 4 * width, width).AddLayer($"{layer}.mlp.fc2", width, 4 * width);
        }
    }

    private static void AddOpenClip(ShapeFile file, string path, int width, int layers)
    {
        file.Add($"{path}.positional_embedding", 77, width).Add($"{path}.token_embedding.weight", 49408, width);
        file.Add($"{path}.text_projection", width, width).Add($"{path}.logit_scale").AddLayer($"{path}.ln_final", width);
        for (int i = 0; i < layers; i++)
        {
            string layer = $"{path}.transformer.resblocks.{i}";
            file.AddLayer($"{layer}.ln_1", width).AddLayer($"{layer}.ln_2", width);
            file.Add($"{layer}.attn.in_proj_weight", 3 * width, width).Add($"{layer}.attn.in_proj_bias", 3 * width);
            file.AddLayer($"{layer}.attn.out_proj", width, width);
            file.AddLayer($"{layer}.mlp.c_fc", 4 * width, width).AddLayer($"{layer}.mlp.c_proj", width, 4 * width);
        }
    }

    private static void AddVae(ShapeFile file)
    {
        const string Path = "first_stage_model";
        int[] channels = [128, 256, 512, 512];
        file.AddLayer($"{Path}.quant_conv", 8, 8, 1, 1).AddLayer($"{Path}.post_quant_conv", 4, 4, 1, 1);
        file.AddLayer($"{Path}.encoder.conv_in", 128, 3, 3, 3).AddLayer($"{Path}.decoder.conv_in", 512, 4, 3, 3);
        for (int level = 0; level < channels.Length; level++)
        {
            for (int i = 0; i < 2; i++)
                AddVaeResnet(file, $"{Path}.encoder.down.{level}.block.{i}", i == 0 ? channels[Math.Max(level - 1, 0)] : channels[level], channels[level]);
            for (int i = 0; i < 3; i++)
                AddVaeResnet(file, $"{Path}.decoder.up.{level}.block.{i}", i == 0 ? channels[Math.Min(level + 1, 3)] : channels[level], channels[level]);
            if (level < channels.Length - 1)
                file.AddLayer($"{Path}.encoder.down.{level}.downsample.conv", channels[level], channels[level], 3, 3);
            if (level > 0)
                file.AddLayer($"{Path}.decoder.up.{level}.upsample.conv", channels[level], channels[level], 3, 3);
        }

        foreach (string half in new[] { "encoder", "decoder" })
        {
            AddVaeResnet(file, $"{Path}.{half}.mid.block_1", 512, 512);
            AddVaeResnet(file, $"{Path}.{half}.mid.block_2", 512, 512);
            file.AddLayer($"{Path}.{half}.mid.attn_1.norm", 512);
            foreach (string name in new[] { "q", "k", "v", "proj_out" })
                file.AddLayer($"{Path}.{half}.mid.attn_1.{name}", 512, 512, 1, 1);
        }

        file.AddLayer($"{Path}.encoder.norm_out", 512).AddLayer($"{Path}.encoder.conv_out", 8, 512, 3, 3);
        file.AddLayer($"{Path}.decoder.norm_out", 128).AddLayer($"{Path}.decoder.conv_out", 3, 128, 3, 3);
    }

    private static void AddVaeResnet(ShapeFile file, string path, int inWidth, int width, string shortcut = "nin_shortcut")
    {
        file.AddLayer($"{path}.norm1", inWidth).AddLayer($"{path}.conv1", width, inWidth, 3, 3);
        file.AddLayer($"{path}.norm2", width).AddLayer($"{path}.conv2", width, width, 3, 3);
        if (inWidth != width)
            file.AddLayer($"{path}.{shortcut}", width, inWidth, 1, 1);
    }
}
