# Specimens of what learners write, not our own style; names such as `DeepNN` that are not defined here come
# from solution_torch.py.
# mypy: ignore-errors
"""Other right answers to the exercises of `assignments/distillation_torch`; each must get full marks.

Without `family`: the numbers of the reference, written differently. With `family`: numbers that differ by what
the notebook leaves open; the first function of a family defines it and is generic in the dtype.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

from grader.authoring import variant

# ------------------------------------------------------------------ networks


@variant("DeepNN")
class DeepFunctional(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 128, 3, 1, 1)
        self.conv2 = nn.Conv2d(128, 64, 3, 1, 1)
        self.conv3 = nn.Conv2d(64, 64, 3, 1, 1)
        self.conv4 = nn.Conv2d(64, 32, 3, 1, 1)
        self.fc1 = nn.Linear(32 * 8 * 8, 512)
        self.fc2 = nn.Linear(512, num_classes)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.conv3(x))
        x = F.max_pool2d(F.relu(self.conv4(x)), 2)
        x = x.view(x.size(0), -1)
        x = F.dropout(F.relu(self.fc1(x)), p=0.1, training=self.training)
        return self.fc2(x)


@variant("DeepNN")
class DeepLazy(nn.Module):
    """Sizes found at the first call, linear layers made first, pooling and dropout before the ReLU."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.head = nn.Sequential(
            nn.Flatten(), nn.LazyLinear(512), nn.Dropout(p=0.1), nn.ReLU(inplace=True), nn.LazyLinear(num_classes)
        )
        self.body = nn.Sequential(
            *self.block(3, 128),
            *self.block(128, 64, pool=True),
            *self.block(64, 64),
            *self.block(64, 32, pool=True),
        )

    def block(self, inputs, outputs, pool=False):
        conv = nn.Conv2d(inputs, outputs, (3, 3), padding="same")
        return [conv, nn.MaxPool2d((2, 2)), nn.ReLU(inplace=True)] if pool else [conv, nn.ReLU(inplace=True)]

    def forward(self, x):
        return self.head(self.body(x))


@variant("LightNN")
class LightFunctional(nn.Module):
    def __init__(self, num_classes=10):
        super(LightFunctional, self).__init__()  # noqa: UP008
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, kernel_size=3, padding=1)
        self.pool = nn.MaxPool2d(2, 2)
        self.fc1 = nn.Linear(1024, 256)
        self.fc2 = nn.Linear(256, num_classes)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        x = torch.relu(self.fc1(x.reshape(-1, 1024)))
        return self.fc2(self.dropout(x))


@variant("LightNN")
class LightOneSequence(nn.Sequential):
    def __init__(self, num_classes=10):
        layers = []
        for inputs in (3, 16):
            layers += [nn.Conv2d(inputs, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        layers += [
            nn.Flatten(1),
            nn.Linear(16 * 8 * 8, 256),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Linear(256, num_classes),
        ]
        super().__init__(*layers)


@variant("ModifiedDeepNNCosine")
class DeepCosineWithChannel(DeepNN):
    """Takes the features for one channel throughout: logits [B, 1, C], hidden [B, 1, 1024]."""

    def forward(self, x):
        one_channel = torch.flatten(self.features(x), 1).unsqueeze(1)
        return self.classifier(one_channel), F.avg_pool1d(one_channel, 2)


@variant("ModifiedDeepNNCosine")
class DeepCosineMean(DeepNN):
    def forward(self, x):
        x = self.features(x)
        hidden = x.view(x.size(0), 1024, 2).mean(dim=2)
        x = torch.flatten(x, 1)
        return self.classifier(x), hidden


@variant("ModifiedDeepNNCosine")
class DeepCosineAdaptive(DeepNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes=num_classes)
        self.pool = nn.AdaptiveAvgPool1d(1024)

    def forward(self, x):
        x = torch.flatten(self.features(x), start_dim=1)
        return [self.classifier(x), self.pool(x)]


@variant("ModifiedLightNNCosine")
class LightCosineFromHook(LightNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.features.register_forward_hook(self.keep)

    def keep(self, layer, args, output):
        self.kept = output

    def forward(self, x):
        logits = super().forward(x)
        return logits, self.kept.flatten(1)


@variant("ModifiedLightNNCosine")
class LightCosineAnew(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=2, stride=2),
            nn.Conv2d(16, 16, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=2, stride=2),
        )
        self.classifier = nn.Sequential(
            nn.Linear(1024, 256), nn.ReLU(), nn.Dropout(0.1), nn.Linear(256, num_classes)
        )

    def forward(self, x):
        hidden = self.features(x).reshape(x.shape[0], -1)
        return self.classifier(hidden), hidden.unsqueeze(1)


@variant("ModifiedDeepNNRegressor")
class DeepMapComposed(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.net = DeepNN(num_classes)

    def forward(self, x):
        conv_feature_map = self.net.features(x)
        return self.net.classifier(conv_feature_map.view(-1, 2048)), conv_feature_map


@variant("ModifiedDeepNNRegressor")
class DeepMapCloned(DeepNN):
    def forward(self, x):
        x = self.features(x)
        conv_feature_map = x.clone()
        x = self.classifier(torch.flatten(x, 1))
        return x, conv_feature_map


@variant("ModifiedLightNNRegressor")
class LightRegressorSequence(nn.Module):
    """The regressor made before the classifier, in a sequence of its own."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d(2),
        )  # fmt: skip
        self.regressor = nn.Sequential(nn.Conv2d(16, 32, kernel_size=3, padding=1))
        self.classifier = nn.Sequential(
            nn.Linear(1024, 256), nn.ReLU(), nn.Dropout(0.1), nn.Linear(256, num_classes)
        )

    def forward(self, x):
        x = self.features(x)
        regressor_output = self.regressor(x)
        return self.classifier(torch.flatten(x, 1)), regressor_output


@variant("ModifiedLightNNRegressor")
class LightRegressorAdded(LightNN):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.regressor = nn.Conv2d(16, 32, 3, 1, "same")

    def forward(self, x):
        maps = self.features(x)
        return self.classifier(torch.flatten(maps, 1)), F.conv2d(
            maps, self.regressor.weight, self.regressor.bias, padding=1
        )


# ------------------------------------------------------------------ training on labels


@variant("train")
def train_as_in_a_tutorial(model, train_loader, epochs, learning_rate, device):
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=learning_rate)
    model.train()
    for epoch in range(epochs):
        running_loss = 0.0
        for inputs, labels in train_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        print(f"Epoch {epoch + 1}/{epochs}, loss: {running_loss / len(train_loader)}")


@variant("train")
def train_with_extras(model, train_loader, epochs, learning_rate, device):
    from tqdm.auto import tqdm

    model = model.cuda()
    optimizer = torch.optim.Adam([{"params": model.parameters()}], lr=learning_rate)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * len(train_loader))
    history = []
    for _ in tqdm(range(epochs), desc="epoch"):
        model.train()
        total, seen = 0.0, 0
        bar = tqdm(train_loader, leave=False)
        for i, data in enumerate(bar):
            images, targets = data[0].cuda(), data[1].cuda()
            loss = F.nll_loss(F.log_softmax(model(images), dim=1), targets)
            loss.backward()
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad(set_to_none=True)
            total += loss.detach().item() * len(images)
            seen += len(images)
            bar.set_postfix(loss=total / seen, batch=i)
        history.append(total / len(train_loader.dataset))
        model.eval()
    return history


@variant("train")
def train_by_hand(model, train_loader, epochs, learning_rate, device):
    optimizer = optim.Adam(params=list(model.parameters()), lr=learning_rate, betas=(0.9, 0.999))
    model.train(True)
    epoch = 0
    while epoch < epochs:
        for x, y in train_loader:
            scores = model(x.to(device))
            log_p = scores - torch.logsumexp(scores, dim=1, keepdim=True)
            loss = -log_p[torch.arange(len(y)), y].mean()
            model.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        epoch += 1
    return model


@variant("train")
def train_with_accuracy(model, train_loader, epochs, learning_rate, device):
    """Looks at the accuracy after each epoch, in evaluation mode."""
    optimizer = optim.Adam(model.parameters(), lr=learning_rate)
    for _ in range(epochs):
        model.train()
        for x, y in train_loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        print(test(model, train_loader, device))


# ------------------------------------------------------------------ accuracy


@variant("test")
def test_as_in_a_tutorial(model, test_loader, device):
    model.to(device)
    model.eval()
    correct = 0
    total = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            outputs = model(inputs)
            _, predicted = torch.max(outputs.data, 1)
            total += labels.size(0)
            correct += (predicted == labels).sum().item()
    accuracy = 100 * correct / total
    print(f"Test Accuracy: {accuracy:.2f}%")
    return accuracy


@variant("test")
def test_of_all_at_once(model, test_loader, device):
    model.train(False)
    with torch.inference_mode():
        pairs = [(model(x.to(device)).softmax(1).argmax(1), y.to(device)) for x, y in test_loader]
    predicted, labels = (torch.cat(part) for part in zip(*pairs))
    return (predicted == labels).float().mean() * 100


@variant("test")
def test_by_size_of_data(model, test_loader, device):
    was_training = model.training
    model.eval()
    correct = 0
    with torch.set_grad_enabled(False):
        for x, y in test_loader:
            correct += model(x).max(1)[1].eq(y).sum()
    model.train(was_training)
    return 100.0 * correct.item() / len(test_loader.dataset)


@variant("test_multiple_outputs")
def test_pair_unpacked(model, test_loader, device):
    model.eval()
    correct, total = 0, 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            outputs, _ = model(inputs.to(device))
            correct += (torch.argmax(outputs, dim=-1) == labels.to(device)).sum().item()
            total += labels.shape[0]
    return correct / total * 100


@variant("test_multiple_outputs")
def test_pair_by_wrapping(model, test_loader, device):
    class FirstOf(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return self.inner(x)[0]

    return test(FirstOf(model), test_loader, device)


# ------------------------------------------------------------------ distillation


@variant("train_knowledge_distillation")
def kd_module_detached(
    teacher, student, train_loader, epochs, learning_rate, T, soft_target_loss_weight, ce_loss_weight, device
):
    kl = nn.KLDivLoss(reduction="batchmean", log_target=True)
    ce = nn.CrossEntropyLoss()
    optimizer = optim.Adam(student.parameters(), learning_rate)
    teacher.eval()
    student.train()
    for _ in range(epochs):
        for inputs, labels in train_loader:
            teacher_logits = teacher(inputs).detach()
            student_logits = student(inputs)
            soft = kl(F.log_softmax(student_logits / T, -1), F.log_softmax(teacher_logits / T, -1)) * T * T
            optimizer.zero_grad()
            (ce(student_logits, labels) * ce_loss_weight + soft * soft_target_loss_weight).backward()
            optimizer.step()


@variant("train_knowledge_distillation")
def kd_teacher_in_the_graph(
    teacher, student, train_loader, epochs, learning_rate, T, soft_target_loss_weight, ce_loss_weight, device
):
    """The gradient reaches the teacher, but nobody moves it."""
    teacher.eval()
    student.train()
    optimizer = optim.Adam(student.parameters(), lr=learning_rate)
    losses = []
    for _ in range(epochs):
        running = 0
        for inputs, labels in train_loader:
            p = (teacher(inputs) / T).softmax(1)
            logits = student(inputs)
            q = (logits / T).softmax(1)
            soft = (p * (p.log() - q.log())).sum(1).mean() * T**2
            optimizer.zero_grad()
            loss = soft_target_loss_weight * soft + ce_loss_weight * F.cross_entropy(logits, labels)
            loss.backward()
            optimizer.step()
            running += loss
        losses.append(running / len(train_loader))
    return losses, student


@variant("train_knowledge_distillation")
def kd_two_backward_passes(
    teacher, student, train_loader, epochs, learning_rate, T, soft_target_loss_weight, ce_loss_weight, device
):
    """Teacher frozen for good, both networks in the optimizer, each term differentiated on its own."""
    for p in teacher.parameters():
        p.requires_grad = False
    optimizer = optim.Adam([*teacher.parameters(), *student.parameters()], lr=learning_rate)
    for _ in range(epochs):
        teacher.train(False)
        student.train(True)
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            logits = student(inputs)
            soft = F.kl_div(F.log_softmax(logits / T, 1), F.softmax(teacher(inputs) / T, 1), reduction="none").sum(
                1
            )
            (soft_target_loss_weight * soft.mean() * T**2).backward(retain_graph=True)
            (ce_loss_weight * F.cross_entropy(logits, labels)).backward()
            optimizer.step()


@variant(
    "train_knowledge_distillation",
    family="cross_entropy",
    en="You minimised the cross-entropy with the teacher's probabilities in place of the KL divergence. They "
    "differ by the teacher's entropy, which the student cannot change: the gradients are the same.",
    ko="KL 발산 대신 teacher의 확률에 대한 cross-entropy를 최소화했습니다. 둘은 student와 무관한 teacher의 "
    "엔트로피만큼만 다르므로 gradient는 같습니다.",
)
def kd_cross_entropy(
    teacher, student, train_loader, epochs, learning_rate, T, soft_target_loss_weight, ce_loss_weight, device
):
    ce_loss = nn.CrossEntropyLoss()
    optimizer = optim.Adam(student.parameters(), lr=learning_rate)
    teacher.eval()
    student.train()
    for _ in range(epochs):
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            with torch.no_grad():
                teacher_logits = teacher(inputs)
            student_logits = student(inputs)
            soft_targets = nn.functional.softmax(teacher_logits / T, dim=-1)
            soft_prob = nn.functional.log_softmax(student_logits / T, dim=-1)
            soft_targets_loss = -torch.sum(soft_targets * soft_prob) / soft_prob.size()[0] * (T**2)
            loss = soft_target_loss_weight * soft_targets_loss + ce_loss_weight * ce_loss(student_logits, labels)
            loss.backward()
            optimizer.step()


@variant("train_knowledge_distillation", family="cross_entropy")
def kd_cross_entropy_of_probabilities(
    teacher, student, train_loader, epochs, learning_rate, T, soft_target_loss_weight, ce_loss_weight, device
):
    teacher.eval(), student.train()
    optimizer = optim.Adam(student.parameters(), lr=learning_rate)
    for _ in range(epochs):
        for inputs, labels in train_loader:
            with torch.no_grad():
                soft_targets = F.softmax(teacher(inputs) / T, dim=1)
            logits = student(inputs)
            soft = F.cross_entropy(logits / T, soft_targets) * T**2
            loss = soft_target_loss_weight * soft + ce_loss_weight * F.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@variant(
    "train_knowledge_distillation",
    family="no_t2",
    en="You left out the factor T^2. That is accepted, but soft_target_loss_weight then counts T^2 times less, "
    "and has to be chosen anew whenever T changes.",
    ko="T^2을 곱하지 않았습니다. 정답으로 인정하지만, 그러면 soft_target_loss_weight의 영향이 T^2배 작아지고 "
    "T를 바꿀 때마다 가중치를 다시 정해야 합니다.",
)
def kd_without_t2(
    teacher, student, train_loader, epochs, learning_rate, T, soft_target_loss_weight, ce_loss_weight, device
):
    teacher.eval()
    student.train()
    optimizer = optim.Adam(student.parameters(), lr=learning_rate)
    for _ in range(epochs):
        for inputs, labels in train_loader:
            with torch.no_grad():
                soft_targets = F.softmax(teacher(inputs) / T, dim=1)
            logits = student(inputs)
            soft = F.kl_div(F.log_softmax(logits / T, dim=1), soft_targets, reduction="batchmean")
            loss = soft_target_loss_weight * soft + ce_loss_weight * F.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@variant(
    "train_knowledge_distillation",
    family="cross_entropy_no_t2",
    en="You minimised the cross-entropy in place of the KL divergence (same gradients), and left out the factor "
    "T^2. That is accepted, but soft_target_loss_weight then counts T^2 times less.",
    ko="KL 발산 대신 cross-entropy를 최소화했고(gradient는 같습니다) T^2을 곱하지 않았습니다. 정답으로 "
    "인정하지만, 그러면 soft_target_loss_weight의 영향이 T^2배 작아집니다.",
)
def kd_cross_entropy_without_t2(
    teacher, student, train_loader, epochs, learning_rate, T, soft_target_loss_weight, ce_loss_weight, device
):
    teacher.eval()
    student.train()
    optimizer = optim.Adam(student.parameters(), lr=learning_rate)
    for _ in range(epochs):
        for inputs, labels in train_loader:
            with torch.no_grad():
                soft_targets = F.softmax(teacher(inputs) / T, dim=1)
            logits = student(inputs)
            soft = -(soft_targets * F.log_softmax(logits / T, dim=1)).sum(dim=1).mean()
            loss = soft_target_loss_weight * soft + ce_loss_weight * F.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


# ------------------------------------------------------------------ cosine


@variant("train_cosine_loss")
def cosine_module(
    teacher, student, train_loader, epochs, learning_rate, hidden_rep_loss_weight, ce_loss_weight, device
):
    ce_loss = nn.CrossEntropyLoss()
    cosine_loss = nn.CosineEmbeddingLoss()
    optimizer = optim.Adam(student.parameters(), lr=learning_rate)
    teacher.to(device)
    student.to(device)
    teacher.eval()
    student.train()
    for epoch in range(epochs):
        running_loss = 0.0
        for inputs, labels in train_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            optimizer.zero_grad()
            with torch.no_grad():
                _, teacher_hidden = teacher(inputs)
            student_logits, student_hidden = student(inputs)
            teacher_hidden = teacher_hidden.reshape(-1, 1024)
            ones = torch.ones(inputs.size(0)).to(device)
            hidden_rep_loss = cosine_loss(student_hidden, teacher_hidden, target=ones)
            loss = hidden_rep_loss_weight * hidden_rep_loss + ce_loss_weight * ce_loss(student_logits, labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        print(f"Epoch {epoch + 1}/{epochs}, Loss: {running_loss / len(train_loader)}")


@variant("train_cosine_loss")
def cosine_similarity_mean(
    teacher, student, train_loader, epochs, learning_rate, hidden_rep_loss_weight, ce_loss_weight, device
):
    similarity = nn.CosineSimilarity(dim=-1)
    teacher = teacher.eval()
    student = student.train()
    optimizer = optim.Adam(student.parameters(), lr=learning_rate)
    for _ in range(epochs):
        for inputs, labels in train_loader:
            hidden_t = teacher(inputs)[1].detach()
            logits, hidden_s = student(inputs)
            loss_hidden = (1 - similarity(hidden_t.squeeze(), hidden_s.squeeze())).mean()
            loss = ce_loss_weight * F.cross_entropy(logits, labels) + hidden_rep_loss_weight * loss_hidden
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@variant("train_cosine_loss")
def cosine_of_unit_vectors(
    teacher, student, train_loader, epochs, learning_rate, hidden_rep_loss_weight, ce_loss_weight, device
):
    teacher.eval()
    student.train()
    optimizer = optim.Adam(student.parameters(), lr=learning_rate)
    for _ in range(epochs):
        for inputs, labels in train_loader:
            _, hidden_t = teacher(inputs)
            logits, hidden_s = student(inputs)
            unit_t, unit_s = F.normalize(hidden_t.flatten(1), dim=1), F.normalize(hidden_s.flatten(1), dim=1)
            distance = (unit_t - unit_s).pow(2).sum(1).mean() / 2  # 1 - cos
            loss = hidden_rep_loss_weight * distance + ce_loss_weight * F.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


# ------------------------------------------------------------------ regressor


@variant("train_mse_loss")
def mse_module(teacher, student, train_loader, epochs, learning_rate, feature_map_weight, ce_loss_weight, device):
    ce_loss = nn.CrossEntropyLoss()
    mse_loss = nn.MSELoss()
    optimizer = optim.Adam(student.parameters(), lr=learning_rate)
    teacher.to(device)
    student.to(device)
    teacher.eval()
    student.train()
    for epoch in range(epochs):
        running_loss = 0.0
        for inputs, labels in train_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            optimizer.zero_grad()
            with torch.no_grad():
                _, teacher_feature_map = teacher(inputs)
            student_logits, regressor_feature_map = student(inputs)
            hidden_rep_loss = mse_loss(regressor_feature_map, teacher_feature_map)
            loss = feature_map_weight * hidden_rep_loss + ce_loss_weight * ce_loss(student_logits, labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        print(f"Epoch {epoch + 1}/{epochs}, Loss: {running_loss / len(train_loader)}")


@variant("train_mse_loss")
def mse_by_hand(teacher, student, train_loader, epochs, learning_rate, feature_map_weight, ce_loss_weight, device):
    """From the networks' parts, with two optimizers that step one after the other."""
    teacher.eval()
    student.train()
    rest = [p for name, p in student.named_parameters() if not name.startswith("regressor")]
    optimizers = [optim.Adam(rest, lr=learning_rate), optim.Adam(student.regressor.parameters(), lr=learning_rate)]
    for _ in range(epochs):
        for inputs, labels in train_loader:
            target = teacher.features(inputs).detach()
            logits, regressed = student(inputs)
            difference = torch.flatten(target, 1) - torch.flatten(regressed, 1)
            loss = feature_map_weight * difference.square().mean() + ce_loss_weight * F.cross_entropy(
                logits, labels
            )
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()


@variant("train_mse_loss")
def mse_per_image(
    teacher, student, train_loader, epochs, learning_rate, feature_map_weight, ce_loss_weight, device
):
    teacher.eval()
    student.train()
    optimizer = optim.Adam(student.parameters(), lr=learning_rate)
    for _ in range(epochs):
        for inputs, labels in train_loader:
            _, map_t = teacher(inputs)
            logits, map_s = student(inputs)
            per_image = F.mse_loss(map_s, map_t.detach(), reduction="none").mean(dim=(1, 2, 3))
            loss = feature_map_weight * per_image.mean() + ce_loss_weight * F.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return None
